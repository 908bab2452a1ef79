// On every page of somebody signed in: what another person left on this phone is wiped, and signing out wipes what this
// one did. Without script the server's answer to signing out has the browser wipe it.
"use strict";

(() => {
  const { owner, lose } = document.currentScript.dataset;
  const kept = () => {
    try {
      return localStorage.getItem(Offline.NAME);
    } catch (error) {
      return null;
    }
  };

  // The page that works without a signal does it itself, before it keeps anything anew.
  if (kept() && kept() !== owner && !document.querySelector("[data-offline-bar]")) Offline.wipe();

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!("signOut" in form.dataset) || form.dataset.wiped || !kept()) return;
    event.preventDefault();
    await Offline.send().catch(() => null);
    if ((await Offline.unsent()) && !window.confirm(lose)) return;
    await Offline.wipe({ forGood: true });
    const registrations = navigator.serviceWorker ? await navigator.serviceWorker.getRegistrations() : [];
    await Promise.all(registrations.map((registration) => registration.unregister()));
    // What a worker was still fetching.
    await Offline.dropCaches();
    form.dataset.wiped = "yes";
    form.submit();
  });
})();
