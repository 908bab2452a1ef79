// The pairs on the phone, what was written about them here, and which of it is open. What is kept, sent and wiped is the
// business of offline.js.
"use strict";

(() => {
  const root = document.getElementById("phone");
  const words = Object.fromEntries(
    [...document.getElementById("phone-words").content.querySelectorAll("[data-word]")].map((each) => [
      each.dataset.word,
      each.textContent.trim(),
    ]),
  );
  const language = document.documentElement.lang;
  const DAYS_FOR_A_STEP = 14;
  const KINDS = ["pair", "visit", "step"];
  // Other pages keep other things in the same place.
  const isOwn = (each) => KINDS.includes(each.kind);
  const made = (id) => document.getElementById(id).content.cloneNode(true);
  const tools = { words, made, when };
  let drawing = 0;

  function when(moment) {
    const date = new Date(moment);
    const time = date.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hour12: false });
    if (date.toDateString() === new Date().toDateString()) return words.today.replace("{at}", time);
    return `${date.toLocaleDateString(language, { month: "long", day: "numeric" })} ${time}`;
  }

  function day(later = 0) {
    const date = new Date();
    date.setDate(date.getDate() + later);
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  }

  // The server's newest word on every pair; one that it no longer knows goes, but for what has unsent writing on it.
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
    const known = new Set(found.pairs.map((pair) => pair.id));
    const drafts = (await Offline.all("drafts")).filter(isOwn);
    for (const draft of drafts) {
      if (draft.state === "sent") await Offline.discard(draft.id);
      else if (!known.has(draft.pair) && !draft.gone) {
        await Offline.put("drafts", { ...draft, state: "conflict", gone: true, codes: ["gone"], reasons: [words.gone] });
      }
    }
    const written = new Set(drafts.filter((draft) => draft.state !== "sent").map((draft) => draft.pair));
    for (const item of (await Offline.all("items")).filter(isOwn)) {
      if (!known.has(item.id) && !written.has(item.id)) await Offline.remove("items", item.id);
    }
    for (const pair of found.pairs) await Offline.put("items", pair);
    Offline.tell();
  }

  const stateOf = (draft) => (draft.state === "conflict" || draft.state === "faulty" ? "decide" : draft.state);
  const pill = (state) => document.querySelector(`template[data-pill-of="${state}"]`).content.cloneNode(true);

  function row(href, text, note, state) {
    const line = made("phone-row");
    const link = line.querySelector("[data-link]");
    if (href) {
      link.href = href;
      link.textContent = text;
    } else link.replaceWith(text);
    line.querySelector("[data-note]").textContent = note;
    if (state) line.querySelector("[data-pill]").append(pill(state));
    return line;
  }

  const addressOf = (draft) => (draft.kind === "visit" ? `#visit-${draft.id}` : `#${draft.id}`);

  async function draw() {
    const mine = ++drawing;
    const number = location.hash.slice(1);
    const [items, drafts] = await Promise.all([Offline.all("items"), Offline.all("drafts")]);
    if (mine !== drawing) return;
    const pairs = items.filter((each) => each.kind === "pair");
    const unsent = drafts.filter((draft) => isOwn(draft) && draft.state !== "sent");
    const draft = unsent.find((each) => addressOf(each) === location.hash);
    if (draft) return open(draft, pairs);
    const fresh = /^new-(pair-\d+)-([0-9a-f-]{36})$/.exec(number);
    const step = pairs.flatMap((pair) => pair.steps.map((each) => ({ ...each, pair }))).find((each) => each.id === number);
    const pair = pairs.find((each) => each.id === (fresh ? fresh[1] : number));
    if (fresh && pair) {
      const begun = unsent.find((each) => each.id === fresh[2]);
      return begun ? open(begun, pairs) : write({ kind: "visit", id: fresh[2], pair, blank: blankOf(pair) });
    }
    if (step) return write({ kind: "step", id: step.id, pair: step.pair, step, blank: { due_on: day(DAYS_FOR_A_STEP) } });
    return show(pair ? pairPage(pair, unsent) : list(pairs, unsent));
  }

  // What looks the same stays, so that nothing goes from under a finger that is pressing it.
  function show(page) {
    const box = document.createElement("div");
    box.append(page);
    if (root.innerHTML !== box.outerHTML) root.replaceChildren(box);
  }

  const blankOf = (pair) => ({ met_on: day(), place: pair.lastPlace || "mentee", due_on: day(DAYS_FOR_A_STEP) });

  function list(pairs, unsent) {
    const page = made("phone-list");
    page.querySelector("[data-none]").hidden = pairs.length > 0;
    for (const pair of pairs) {
      const own = unsent.filter((draft) => draft.pair === pair.id).map(stateOf);
      const state = ["decide", "draft", "waiting"].find((each) => own.includes(each));
      page.querySelector("[data-rows]").append(row(`#${pair.id}`, pair.name, `${pair.side} · ${pair.place} · ${pair.met[0]}`, state));
    }
    return page;
  }

  function pairPage(pair, unsent) {
    const page = made("phone-pair");
    const at = (name) => page.querySelector(`[data-${name}]`);
    at("name").textContent = pair.name;
    at("place").textContent = `${pair.side} · ${pair.place}`;
    at("new").addEventListener("click", () => (location.hash = `#new-${pair.id}-${Offline.newKey()}`));
    const own = unsent.filter((draft) => draft.pair === pair.id);
    at("here").hidden = !own.length;
    for (const draft of own) {
      const text = draft.kind === "visit" ? draft.fields.question || words.nothing : words.followUp;
      const word = draft.state === "waiting" ? "waitingSince" : "savedAt";
      at("drafts").append(row(addressOf(draft), text, words[word].replace("{at}", when(draft.saved)), stateOf(draft)));
    }
    const told = new Set(own.map((draft) => draft.id));
    const steps = pair.steps.filter((step) => !told.has(step.id));
    at("some-steps").hidden = !steps.length;
    for (const step of steps) {
      const due = words.due.replace("{day}", step.due);
      at("steps").append(row(`#${step.id}`, step.step, step.late ? `${due} · ${words.late}` : due));
    }
    at("no-visits").hidden = pair.visits.length > 0;
    for (const visit of pair.visits) {
      const photos = visit.photos.length ? [`${words.photos} ${visit.photos.length}`] : [];
      const step = visit.step ? [`${visit.step} (${visit.state})`] : [];
      at("visits").append(row("", visit.question, [visit.day, visit.place, visit.advice, ...step, ...photos].join(" · ")));
    }
    return page;
  }

  function open(draft, pairs) {
    const pair = pairs.find((each) => each.id === draft.pair) || { id: "", name: "", steps: [] };
    if (draft.state !== "draft") return kept(draft, pair);
    const step = pair.steps.find((each) => each.id === draft.id);
    return write({ kind: draft.kind, id: draft.id, pair, step, draft, blank: {} });
  }

  function titled(page, kind, pair) {
    page.querySelector("[data-title]").textContent = kind === "visit" ? words.visit : words.followUp;
    page.querySelector("[data-pair]").textContent = pair.name;
    page.querySelectorAll("a[data-back]").forEach((link) => (link.href = `#${pair.id}`));
  }

  function write({ kind, id, pair, step, draft, blank }) {
    const page = document.createElement("div");
    page.append(made("phone-writing"));
    titled(page, kind, pair);
    page.querySelector("[data-subtitle]").textContent = step ? `${step.step} · ${words.due.replace("{day}", step.due)}` : pair.name;
    const url = draft ? draft.url : step ? step.url : pair.url;
    const blobUrl = draft ? draft.blobUrl : kind === "visit" ? `${location.pathname}photos/${id}/` : "";
    const most = Number(root.dataset.most);
    PhoneForm.open(page, { kind, id, pair: pair.id, url, blobUrl, draft, blank, tools, most });
    root.replaceChildren(page);
    return PhoneForm.drawThumbs();
  }

  // What is finished, or was not taken: to be read, corrected or deleted.
  function kept(draft, pair) {
    const page = document.createElement("div");
    page.append(made("phone-kept"));
    titled(page, draft.kind, pair);
    const at = (name) => page.querySelector(`[data-${name}]`);
    const waits = draft.state === "waiting";
    at("why").hidden = waits;
    at("waits").hidden = !waits;
    at("waits").textContent = words.waitingSince.replace("{at}", when(draft.saved));
    for (const reason of draft.reasons || []) {
      const line = document.createElement("li");
      line.textContent = reason;
      at("reasons").append(line);
    }
    const form = made(`phone-form-${draft.kind}`);
    for (const field of form.querySelectorAll("[name]")) {
      if (field.type === "radio" && field.value !== draft.fields[field.name]) continue;
      const value = draft.fields[field.name];
      if (!value) continue;
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      const group = field.closest("fieldset");
      const own = form.querySelector(`label[for="${field.id}"]`).textContent.trim();
      term.textContent = group ? group.querySelector("legend").textContent.trim() : own;
      text.textContent = group ? own : field.tagName === "SELECT" ? field.querySelector(`[value="${value}"]`).textContent : value;
      at("answers").append(term, text);
    }
    at("mend").hidden = draft.state === "conflict";
    at("mend").addEventListener("click", async () => {
      await Offline.put("drafts", { ...draft, state: "draft" });
      Offline.tell();
    });
    at("delete").addEventListener("click", async () => {
      if (!window.confirm(words.sureDelete)) return;
      await Offline.discard(draft.id);
      location.hash = `#${pair.id}`;
      await refresh();
    });
    root.replaceChildren(page);
  }

  window.addEventListener("hashchange", async () => {
    await PhoneForm.leave();
    window.scrollTo(0, 0);
    await draw();
    const heading = root.querySelector("h1");
    if (heading && location.hash.length > 1) heading.focus({ preventScroll: true });
  });
  window.addEventListener("online", refresh);
  Offline.listen((what) => {
    // A form that somebody writes in is not drawn anew under their hands.
    if (what !== "wiped" && what !== "sending" && !PhoneForm.isBeingFilled()) draw();
  });

  (async () => {
    await draw().catch(() => null);
    await OfflineBar.start(isOwn);
    await refresh();
    if (!PhoneForm.isBeingFilled()) await draw();
  })();
})();
