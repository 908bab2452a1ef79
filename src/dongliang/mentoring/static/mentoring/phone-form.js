// What is written on the phone about one visit or one step: kept with every touch, then put among what is to be sent.
"use strict";

self.PhoneForm = (() => {
  let now = null;

  // `kind` is "visit" or "step"; `blank` are the values the form opens with.
  function open(page, { kind, id, pair, url, blobUrl, draft, blank, tools, most }) {
    const at = (name) => page.querySelector(`[data-${name}]`);
    at("form").append(tools.made(`phone-form-${kind}`));
    const element = page.querySelector("form");
    const seen = draft ? draft.fields : blank;
    for (const field of element.elements) {
      if (!field.name || field.type === "file") continue;
      const value = seen[field.name];
      if (field.type === "radio") field.checked = field.value === value;
      else if (value !== undefined) field.value = value;
    }
    now = { kind, id, pair, url, blobUrl, draft, tools, most, page, element, touched: false, back: `#${pair}` };
    at("discard").hidden = !draft;
    if (draft) say("savedAt", draft.saved);
    element.addEventListener("input", (event) => event.target.type === "file" || touched());
    element.addEventListener("change", (event) => (event.target.type === "file" ? addPhotos(event.target) : touched()));
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      finish();
    });
    at("submit").addEventListener("click", finish);
    at("discard").querySelector("button").addEventListener("click", drop);
    return page;
  }

  function say(word, moment) {
    const { tools, page } = now;
    page.querySelector("[data-saved]").textContent = tools.words[word].replace("{at}", moment ? tools.when(moment) : "");
  }

  function touched() {
    now.touched = true;
    clearTimeout(now.timer);
    now.timer = setTimeout(save, 250);
  }

  function written() {
    const fields = Object.fromEntries([...new FormData(now.element)].filter(([, value]) => typeof value === "string"));
    // The visit's own number is the key that the server stores once.
    return now.kind === "visit" ? { ...fields, number: now.id } : fields;
  }

  async function save() {
    if (!now || !now.touched) return;
    clearTimeout(now.timer);
    const mine = now;
    mine.touched = false;
    const draft = {
      id: mine.id,
      kind: mine.kind,
      pair: mine.pair,
      state: "draft",
      fields: written(),
      base: 0,
      url: mine.url,
      blobUrl: mine.blobUrl,
      photosAfter: true,
      saved: Date.now(),
      key: mine.kind === "visit" ? mine.id : (mine.draft && mine.draft.key) || Offline.newKey(),
    };
    try {
      await Offline.put("drafts", draft);
      mine.draft = draft;
      if (mine !== now) return;
      say("savedAt", draft.saved);
      mine.page.querySelector("[data-discard]").hidden = false;
    } catch (error) {
      mine.touched = true;
      if (mine === now) say("notSaved");
    }
  }

  async function leave() {
    await save();
    now = null;
  }

  async function drop() {
    if (!window.confirm(now.tools.words.sureDelete)) return;
    const { id, back } = now;
    now = null;
    await Offline.discard(id);
    location.hash = back;
  }

  async function addPhotos(input) {
    const { id, most, tools, element } = now;
    const wrong = element.querySelector("[data-photo-wrong]");
    wrong.hidden = true;
    const complain = (word) => {
      wrong.textContent = tools.words[word];
      wrong.hidden = false;
    };
    for (const file of [...input.files]) {
      if ((await Offline.blobsOf(id)).length >= most) {
        complain("photosFull");
        break;
      }
      let bytes;
      try {
        bytes = await OfflinePhotos.shrunk(file);
      } catch (error) {
        complain("photoWrong");
        continue;
      }
      try {
        await Offline.put("blobs", { key: Offline.newKey(), of: id, bytes, type: "image/jpeg", sent: false, added: Date.now() });
      } catch (error) {
        complain("notSaved");
        break;
      }
    }
    input.value = "";
    now.touched = true;
    await save();
    await drawThumbs();
  }

  async function drawThumbs() {
    const { id, tools, element } = now;
    const list = element.querySelector("[data-thumbs]");
    if (!list) return;
    const blobs = (await Offline.blobsOf(id)).sort((one, other) => one.added - other.added);
    const thumbs = await Promise.all(
      blobs.map(async (blob, place) => {
        const page = tools.made("phone-thumb");
        const [canvas, button] = [page.querySelector("canvas"), page.querySelector("button")];
        const name = tools.words.photo.replace("{n}", place + 1);
        canvas.setAttribute("aria-label", name);
        button.setAttribute("aria-label", `${button.textContent} ${name}`);
        button.addEventListener("click", async () => {
          await Offline.remove("blobs", blob.key);
          now.touched = true;
          await save();
          drawThumbs();
        });
        await OfflinePhotos.draw(canvas, blob);
        return page;
      }),
    );
    list.replaceChildren(...thumbs);
  }

  const labelOf = (field) => {
    const group = field.closest("fieldset");
    const label = group ? group.querySelector("legend") : now.element.querySelector(`label[for="${field.id}"]`);
    return label.textContent.trim();
  };

  // The server judges what is said; here only what is not said at all is told, before the signal is gone.
  function missing() {
    const fields = written();
    const asked = now.kind === "visit" ? ["met_on", "place", "question", "advice"] : ["outcome"];
    if (fields.step && fields.step.trim()) asked.push("due_on");
    if (fields.outcome === "moved") asked.push("due_on");
    return asked.filter((name) => !(fields[name] || "").trim());
  }

  async function finish() {
    now.touched = true;
    await save();
    const box = now.page.querySelector("[data-missing]");
    const wanted = missing().map((name) => [...now.element.elements].find((field) => field.name === name));
    box.hidden = !wanted.length;
    box.querySelector("ul").replaceChildren(
      ...wanted.map((field) => {
        const line = document.createElement("li");
        const link = document.createElement("a");
        link.href = `#${field.id}`;
        link.textContent = labelOf(field);
        link.addEventListener("click", (event) => {
          event.preventDefault();
          field.focus();
        });
        line.append(link);
        return line;
      }),
    );
    if (wanted.length) return box.scrollIntoView({ block: "center" });
    const { draft, back } = now;
    // A draft that could not be saved cannot be sent either; the line says so.
    if (!draft) return null;
    now = null;
    const queued = Offline.queue(draft);
    location.hash = back;
    return OfflineBar.said(await queued);
  }

  document.addEventListener("visibilitychange", () => document.hidden && save());
  window.addEventListener("pagehide", save);

  return { open, leave, drawThumbs, isBeingFilled: () => Boolean(now) };
})();
