// What is written without a signal: kept on this phone, sent when the signal returns, wiped when somebody signs out.
// It runs on pages and in the service worker, knows nothing of what it keeps, and asks the server before every sending
// who is signed in. docs/offline.md says how a page uses it.
"use strict";

self.Offline = (() => {
  const NAME = "dongliang-offline";
  // items: what the server gave, to read. drafts: what was written here. blobs: pictures of drafts. meta: the rest.
  const STORES = { items: "id", drafts: "id", blobs: "key", meta: "name" };
  const channel = self.BroadcastChannel ? new BroadcastChannel(NAME) : null;
  const listeners = [];
  let opened = null;
  let sending = null;
  // Somebody signed out on this page, which is about to go: what it still saves is not to be kept.
  let over = false;

  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  const open = () => (over ? new Promise(() => {}) : openAnyway());

  function openAnyway() {
    if (!opened) {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        // A worker that is woken after a wipe makes nothing anew: only a page of somebody signed in does.
        if (!self.document) return request.transaction.abort();
        for (const [store, keyPath] of Object.entries(STORES)) request.result.createObjectStore(store, { keyPath });
      };
      opened = settled(request).then((database) => {
        // Another page wipes: let go, or it waits for ever.
        database.onversionchange = () => {
          database.close();
          opened = null;
        };
        return database;
      });
      opened.catch(() => (opened = null));
    }
    return opened;
  }

  // Resolves once it is on the disk, not when it is merely asked for.
  async function change(stores, work, database = open()) {
    const transaction = (await database).transaction(stores, "readwrite");
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const result = work(...[].concat(stores).map((store) => transaction.objectStore(store)));
    await done;
    return result;
  }

  const read = async (store, key) => settled((await open()).transaction(store).objectStore(store).get(key));
  const all = async (store) => settled((await open()).transaction(store).objectStore(store).getAll());
  const put = (store, value) => change(store, (target) => void target.put(value));
  const remove = (store, key) => change(store, (target) => void target.delete(key));
  const blobsOf = async (id) => (await all("blobs")).filter((blob) => blob.of === id);

  async function discard(id) {
    const keys = (await blobsOf(id)).map((blob) => blob.key);
    await change(["drafts", "blobs"], (drafts, blobs) => {
      drafts.delete(id);
      keys.forEach((key) => blobs.delete(key));
    });
    tell();
  }

  function tell(what = "changed") {
    if (channel) channel.postMessage(what);
    listeners.forEach((listener) => listener(what));
  }
  if (channel) channel.onmessage = (event) => listeners.forEach((listener) => listener(event.data));

  // Everything here belongs to one account. Whoever else comes finds nothing.
  async function claim(owner) {
    const before = await read("meta", "owner");
    if (before && before.value !== owner) await wipe();
    await put("meta", { name: "owner", value: owner });
    try {
      localStorage.setItem(NAME, owner);
    } catch (error) {
      // A browser that forbids it still tells owners apart by the line above.
    }
  }

  // For good where the page goes: it saves what is written once more when it is left.
  async function wipe({ forGood = false } = {}) {
    over = over || forGood;
    if (channel) channel.postMessage("wiping");
    await change(Object.keys(STORES), (...stores) => stores.forEach((store) => store.clear()), openAnyway());
    const database = await openAnyway();
    database.close();
    opened = null;
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(NAME);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
    await dropCaches();
    if (self.localStorage) localStorage.removeItem(NAME);
    // To other pages: this one knows what it does.
    if (channel) channel.postMessage("wiped");
  }

  async function dropCaches() {
    if (!self.caches) return;
    const names = (await caches.keys()).filter((name) => name.startsWith(NAME));
    await Promise.all(names.map((name) => caches.delete(name)));
  }

  const unsent = async () => (await all("drafts")).filter((draft) => draft.state !== "sent").length;

  // Puts a draft among what is to be sent. The key is made here, once: the server stores it once.
  async function queue(draft) {
    await put("drafts", { ...draft, key: draft.key || newKey(), state: "waiting", saved: Date.now(), reasons: [] });
    tell();
    askForSync();
    return send();
  }

  function newKey() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  // Where a browser has it, the worker sends even after the page was closed; elsewhere the next opening does.
  async function askForSync() {
    try {
      const registration = await navigator.serviceWorker.ready;
      await registration.sync.register(NAME);
    } catch (error) {
      // Not there: sent on `online`, on opening and by the button.
    }
  }

  // Sends what is waiting, one after the other; says how it ended: "done", "offline", "sign-in", "other" or "fault".
  function send() {
    if (!sending) {
      sending = alone(sendAll).finally(() => {
        sending = null;
        tell();
      });
      tell("sending");
    }
    return sending;
  }

  // Two pages, or a page and the worker, must not send the same photo side by side.
  const alone = (work) => (navigator.locks ? navigator.locks.request(`${NAME}-sending`, work) : work());

  async function sendAll() {
    const hello = await read("meta", "hello").catch(() => null);
    if (!hello) return "done";
    let greeting;
    try {
      const answer = await fetch(hello.value, { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) return "sign-in";
      if (!answer.ok) return "fault";
      greeting = await answer.json();
    } catch (error) {
      return "offline";
    }
    const owner = await read("meta", "owner");
    if (!owner || owner.value !== String(greeting.owner)) {
      await wipe();
      return "other";
    }
    await put("meta", { name: "clock", value: Date.now() - Date.parse(greeting.now) });
    const waiting = (await all("drafts")).filter((draft) => draft.state === "waiting");
    waiting.sort((one, other) => one.saved - other.saved);
    for (const draft of waiting) {
      const end = await sendOne(draft, greeting.token);
      if (end !== "done") return end;
      tell();
    }
    return "done";
  }

  // Photos first, or after what they belong to, where only that gives them a place.
  async function sendOne(draft, token) {
    const stopped = draft.photosAfter ? null : await sendBlobs(draft, token);
    if (stopped) return stopped === "settled" ? "done" : stopped;
    const body = new FormData();
    for (const [name, value] of Object.entries(draft.fields)) [].concat(value).forEach((one) => body.append(name, one));
    body.append("key", draft.key);
    body.append("base", draft.base);
    const [end, answer] = await post(draft.url, body, token);
    if (end) return end;
    if (draft.photosAfter && answer.state === "stored") {
      const late = await sendBlobs(draft, token);
      if (late) return late === "settled" ? "done" : late;
    }
    return settle(draft, answer);
  }

  // Null once all are there; "settled" where one was not taken, which is on the draft then.
  async function sendBlobs(draft, token) {
    for (const blob of await blobsOf(draft.id)) {
      if (blob.sent) continue;
      const body = new FormData();
      body.append("key", blob.key);
      body.append("file", new Blob([blob.bytes], { type: blob.type }), "photo.jpg");
      const [end, answer] = await post(draft.blobUrl, body, token);
      if (end) return end;
      if (answer.state !== "stored") {
        await settle(draft, answer);
        return "settled";
      }
      await put("blobs", { ...blob, sent: true });
    }
    return null;
  }

  async function post(url, body, token) {
    let answer;
    try {
      answer = await fetch(url, {
        method: "POST",
        body,
        credentials: "same-origin",
        headers: { "X-CSRFToken": token, Accept: "application/json" },
      });
    } catch (error) {
      return ["offline"];
    }
    if (answer.status === 401) return ["sign-in"];
    try {
      const found = await answer.json();
      return found.state ? [null, found] : ["fault"];
    } catch (error) {
      return ["fault"];
    }
  }

  // Writes down what became of a draft, unless it was written on while it travelled.
  async function settle(draft, answer) {
    const now = await read("drafts", draft.id);
    if (answer.item) await put("items", answer.item);
    if (!now || now.key !== draft.key || now.state !== "waiting") return "done";
    if (answer.state === "stored") {
      const keys = (await blobsOf(draft.id)).map((blob) => blob.key);
      await change(["drafts", "blobs"], (drafts, blobs) => {
        // What was sent is the server's now: here only the word that it arrived is left.
        drafts.put({ id: draft.id, kind: draft.kind, state: "sent", sentAt: answer.at, fields: {}, key: draft.key });
        keys.forEach((key) => blobs.delete(key));
      });
    } else {
      const gone = (answer.codes || []).includes("gone");
      await put("drafts", { ...now, state: answer.state, reasons: answer.reasons || [], codes: answer.codes || [], gone });
    }
    return "done";
  }

  return {
    NAME,
    all,
    blobsOf,
    claim,
    discard,
    dropCaches,
    listen: (listener) => listeners.push(listener),
    newKey,
    put,
    queue,
    read,
    remove,
    send,
    tell,
    unsent,
    wipe,
  };
})();
