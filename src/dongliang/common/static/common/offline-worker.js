// The service worker of a page that works without a signal: it keeps that one page and its files, and no data. What a
// person wrote lies in the database of offline.js, which this worker also sends from, where the browser wakes it for it.
"use strict";

const { shell, assets, version } = self.OFFLINE;
// Each page has a worker and a cache of its own, and leaves the others' alone.
const OWN = `${Offline.NAME}-${shell}-`;
const STORE = `${OWN}${version}`;
// Slower than this is no signal to wait for.
const PATIENCE = 4000;
// From a wipe until a page of somebody signed in asks for the files again.
let wiped = false;

Offline.listen((what) => {
  if (what === "wiping") wiped = true;
});

async function fill() {
  const cache = await caches.open(STORE);
  await cache.addAll(assets.map((url) => new Request(url, { cache: "reload" })));
  await keepShell(cache, await fetch(shell, { credentials: "same-origin", cache: "no-store" }));
}

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("message", (event) => {
  if (event.data !== "fill") return;
  wiped = false;
  event.waitUntil(
    (async () => {
      const kept = await (await caches.open(STORE)).keys();
      if (kept.length <= assets.length) await fill().catch(() => null);
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith(OWN) && name !== STORE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && url.pathname === shell) event.respondWith(page(event));
  else if (assets.includes(url.pathname)) event.respondWith(file(event.request));
});

self.addEventListener("sync", (event) => {
  if (event.tag !== Offline.NAME) return;
  event.waitUntil(
    Offline.send().then((end) => {
      // Thrown, so that the browser wakes us again later.
      if (end === "offline" || end === "fault") throw new Error(`Not sent: ${end}.`);
    }),
  );
});

// A way to the sign-in page, or a refusal, is no page to keep.
async function keepShell(cache, answer) {
  if (answer.ok && answer.type === "basic" && !answer.redirected) await cache.put(shell, answer.clone());
}

async function page(event) {
  if (wiped) return fetch(event.request);
  const cache = await caches.open(STORE);
  const fresh = fetch(event.request).then(async (answer) => {
    await keepShell(cache, answer);
    return answer;
  });
  const kept = await cache.match(shell);
  if (!kept) return fresh;
  event.waitUntil(fresh.catch(() => null));
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  return Promise.race([fresh.then((answer) => (answer.status >= 500 ? kept : answer)), late]).catch(() => kept);
}

async function file(request) {
  if (wiped) return fetch(request);
  const cache = await caches.open(STORE);
  return (await cache.match(request, { ignoreSearch: true })) || fetch(request);
}
