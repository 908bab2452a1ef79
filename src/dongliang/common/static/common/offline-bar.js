// The line on a page that works without a signal which says what is on this phone, what is waiting and what has arrived.
// It also starts the layer: owner, worker, sending on `online`, on opening, on coming back and by its button.
"use strict";

self.OfflineBar = (() => {
  const bar = document.querySelector("[data-offline-bar]");
  const said = bar.querySelector("[data-said]");
  const clock = bar.querySelector("[data-clock]");
  const sendNow = bar.querySelector("[data-send]");
  const signIn = bar.querySelector("[data-sign-in]");
  const words = Object.fromEntries(
    [...bar.querySelector("template").content.querySelectorAll("[data-word]")].map((each) => [
      each.dataset.word,
      each.textContent.trim(),
    ]),
  );
  const AGAIN = 45_000;
  // So many minutes off, and a person may wonder about the times shown.
  const CLOCK_OFF = 5;
  // From here on it is the day that is wrong, or the time zone, and a number of minutes tells nobody anything.
  const CLOCK_WRONG = 120;
  let last = navigator.onLine ? "done" : "offline";
  let sending = false;
  // All that waits is sent from any page; what needs a decision is told where it can be made.
  let isOwn = () => true;

  async function show() {
    const drafts = await Offline.all("drafts");
    const waiting = drafts.filter((draft) => draft.state === "waiting").length;
    const stuck = drafts.filter((draft) => isOwn(draft) && (draft.state === "conflict" || draft.state === "faulty")).length;
    const away = !navigator.onLine || last === "offline";
    const word =
      sending && waiting && !away ? "sending"
      : away ? (waiting ? "offlineWaiting" : "offline")
      : last === "sign-in" ? "signIn"
      : last === "fault" && waiting ? "fault"
      : waiting ? "waiting"
      : "clear";
    // “All has been sent” beside “some need your decision” would be two truths too many.
    const lines = stuck && word === "clear" ? [] : [words[word].replace("{n}", waiting)];
    if (stuck) lines.push(words.stuck.replace("{n}", stuck));
    const text = lines.join(" ");
    if (said.textContent !== text) said.textContent = text;
    bar.dataset.state = stuck ? "stuck" : word;
    sendNow.hidden = !waiting || sending;
    signIn.hidden = last !== "sign-in";
    const offset = await Offline.read("meta", "clock");
    const minutes = offset ? Math.round(offset.value / 60_000) : 0;
    clock.hidden = Math.abs(minutes) < CLOCK_OFF;
    clock.textContent = wordsOfClock(minutes);
  }

  function wordsOfClock(minutes) {
    if (Math.abs(minutes) >= CLOCK_WRONG) return words.clockWrong;
    return (minutes > 0 ? words.clockFast : words.clockSlow).replace("{n}", Math.abs(minutes));
  }

  async function send() {
    sending = true;
    last = await Offline.send();
    sending = false;
    // Somebody else is signed in by now: the server gives this person's own page.
    if (last === "other") location.reload();
    await show();
    return last;
  }

  async function start(own = isOwn) {
    isOwn = own;
    try {
      await Offline.claim(bar.dataset.owner);
      await Offline.put("meta", { name: "hello", value: bar.dataset.hello });
    } catch (error) {
      said.textContent = words.noStore;
      bar.dataset.state = "stuck";
      throw error;
    }
    if (navigator.serviceWorker) {
      // Not awaited: a page without a worker still keeps and sends.
      navigator.serviceWorker
        .register(bar.dataset.worker, { scope: bar.dataset.scope })
        .then(() => navigator.serviceWorker.ready)
        // After a wipe the worker is still there, and its files are not.
        .then((registration) => registration.active.postMessage("fill"))
        .catch(() => null);
    }
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => null);
    Offline.listen((what) => {
      if (what === "wiped") location.assign(bar.dataset.scope);
      else if (what !== "wiping") show();
    });
    sendNow.addEventListener("click", send);
    window.addEventListener("online", send);
    window.addEventListener("offline", show);
    document.addEventListener("visibilitychange", () => document.hidden || send());
    setInterval(async () => {
      const waiting = (await Offline.all("drafts")).some((draft) => draft.state === "waiting");
      if (waiting && !document.hidden) send();
    }, AGAIN);
    await show();
    return send();
  }

  return { show, start, said: (end) => void ((last = end), show()) };
})();
