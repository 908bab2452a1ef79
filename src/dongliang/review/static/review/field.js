// The list of sheets on the phone, and which one is open. What is kept, sent and wiped is the business of offline.js.
"use strict";

(() => {
  const root = document.getElementById("field");
  const words = Object.fromEntries(
    [...document.getElementById("field-words").content.querySelectorAll("[data-word]")].map((each) => [
      each.dataset.word,
      each.textContent.trim(),
    ]),
  );
  const language = document.documentElement.lang;
  // Other pages keep other things in the same place.
  const isSheet = (each) => each.kind === "sheet" || each.id.startsWith("sheet-");
  let drawing = 0;

  const made = (id) => document.getElementById(id).content.cloneNode(true);

  function when(moment) {
    const date = new Date(moment);
    const time = date.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hour12: false });
    if (date.toDateString() === new Date().toDateString()) return words.today.replace("{at}", time);
    return `${date.toLocaleDateString(language, { month: "long", day: "numeric" })} ${time}`;
  }

  const stateOf = (item, draft) =>
    draft && (draft.state === "conflict" || draft.state === "faulty") ? "decide"
    : draft && draft.state !== "sent" ? draft.state
    : item.voided.length ? "voided"
    : item.returned ? "returned"
    : item.counts ? "sent"
    : "outstanding";

  function lineOf(item, draft) {
    if (draft && draft.state === "draft") return words.savedAt.replace("{at}", when(draft.saved));
    if (draft && draft.state === "waiting") return words.waitingSince.replace("{at}", when(draft.saved));
    if (item.counts) return words.sentAt.replace("{at}", item.sentAt);
    return "";
  }

  // The server's newest word on everything; what it no longer knows goes, but for what has unsent writing on it.
  async function refresh() {
    let answer;
    try {
      answer = await fetch(root.dataset.package, { cache: "no-store", credentials: "same-origin" });
    } catch (error) {
      return;
    }
    if (!answer.ok) return;
    const found = await answer.json();
    const owner = await Offline.read("meta", "owner");
    if (!owner || owner.value !== String(found.owner)) return;
    const drafts = new Map((await Offline.all("drafts")).map((draft) => [draft.id, draft]));
    const known = new Set(found.sheets.map((item) => item.id));
    for (const item of await Offline.all("items")) {
      if (!isSheet(item) || known.has(item.id)) continue;
      const draft = drafts.get(item.id);
      if (!draft || draft.state === "sent") {
        await Offline.remove("items", item.id);
        await Offline.discard(item.id);
      } else if (!draft.gone) {
        await Offline.put("drafts", { ...draft, state: "conflict", gone: true, codes: ["gone"], reasons: [words.gone] });
      }
    }
    for (const item of found.sheets) await Offline.put("items", item);
    // Whose task has ended is given no forms any more, and still wants to read what could not be sent.
    const before = (await Offline.read("meta", "package")) || { forms: {} };
    const forms = { ...before.forms, ...found.forms };
    await Offline.put("meta", { name: "package", season: found.season, forms });
    Offline.tell();
  }

  async function draw() {
    const mine = ++drawing;
    const number = location.hash.slice(1);
    const [items, drafts, pack] = await Promise.all([
      Offline.all("items").then((all) => all.filter(isSheet)),
      Offline.all("drafts"),
      Offline.read("meta", "package"),
    ]);
    if (mine !== drawing) return;
    const draftOf = new Map(drafts.map((draft) => [draft.id, draft]));
    const item = items.find((each) => each.id === number);
    if (item && pack) return FieldSheet.open(root, item, draftOf.get(item.id), pack, { words, when, made });
    const page = made("field-list");
    const closed = (pack && pack.season && pack.season.closed) || [];
    closed.forEach((reason) => {
      const note = document.createElement("div");
      note.className = "callout";
      note.textContent = reason;
      page.querySelector("[data-closed]").append(note);
    });
    const due = items.filter((each) => !each.voided.length);
    const sent = due.filter((each) => each.counts).length;
    page.querySelector("[data-progress]").textContent = due.length
      ? words.progress.replace("{sent}", sent).replace("{due}", due.length)
      : "";
    page.querySelector("[data-none]").hidden = items.length > 0;
    const order = ["decide", "draft", "waiting", "returned", "outstanding", "sent", "voided"];
    const rows = items.map((each) => ({ item: each, draft: draftOf.get(each.id) }));
    rows.forEach((row) => (row.state = stateOf(row.item, row.draft)));
    rows.sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
    for (const row of rows) {
      const line = made("field-row");
      const link = line.querySelector("[data-link]");
      link.href = `#${row.item.id}`;
      link.textContent = row.item.name;
      line.querySelector("[data-place]").textContent = row.item.place;
      line.querySelector("[data-when]").textContent = lineOf(row.item, row.draft);
      const pill = document.querySelector(`template[data-pill-of="${row.state}"]`);
      line.querySelector("[data-pill]").append(pill.content.cloneNode(true));
      page.querySelector("[data-rows]").append(line);
    }
    root.replaceChildren(page);
  }

  window.addEventListener("hashchange", async () => {
    await FieldSheet.leave();
    window.scrollTo(0, 0);
    await draw();
    const heading = root.querySelector("h1");
    if (heading && location.hash.length > 1) heading.focus({ preventScroll: true });
  });
  window.addEventListener("online", refresh);
  Offline.listen((what) => {
    // A form that somebody writes in is not drawn anew under their hands.
    if (what !== "wiped" && what !== "sending" && !FieldSheet.isBeingFilled()) draw();
  });

  (async () => {
    await draw().catch(() => null);
    await OfflineBar.start(isSheet);
    await refresh();
    await draw();
  })();
})();
