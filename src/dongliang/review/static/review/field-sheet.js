// One sheet on the phone: filled, photographed, kept with every touch, looked at once more, put among what is to be sent.
"use strict";

self.FieldSheet = (() => {
  const CHOOSING = "review.newer_version";
  let now = null;

  function open(root, item, draft, pack, tools) {
    const page = tools.made("field-sheet");
    const at = (name) => page.querySelector(`[data-${name}]`);
    at("name").textContent = item.name;
    at("place").textContent = item.place;
    if (item.firstThing) {
      page.querySelectorAll("[data-thing]").forEach((each) => (each.hidden = false));
      at("thing-title").textContent = item.firstThing.title;
      at("thing-summary").textContent = item.firstThing.summary;
    }
    if (item.counts) {
      page.querySelectorAll("[data-sent]").forEach((each) => (each.hidden = false));
      at("sent-at").textContent = item.sentAt;
    }
    at("returned").hidden = !item.returned;
    at("reason").textContent = item.returned;
    const unsent = draft && draft.state !== "sent" ? draft : null;
    now = { item, draft: unsent, form: pack.forms[item.form], pack, tools, root, seconds: (unsent && unsent.seconds) || 0 };
    const against = [...((pack.season && pack.season.closed) || []), ...item.voided];
    if (unsent && (unsent.state === "conflict" || unsent.state === "faulty")) at("body").append(choice());
    else if (against.length && !unsent) at("body").append(...against.map(remark), answers(item.fields));
    else at("body").append(form());
    root.replaceChildren(page);
    if (now.element) drawThumbs();
  }

  function remark(text) {
    const note = document.createElement("p");
    note.className = "callout";
    note.textContent = text;
    return note;
  }

  function questions() {
    const { item, form } = now;
    const asked = form.indicators.map((each) => ({ ...each, name: `mark_${each.key}`, label: each.name }));
    if (item.marksFirstThing) {
      asked.push({ name: "first_thing", label: form.firstThing.name, levels: form.firstThing.levels, points: [] });
    }
    return asked;
  }

  // ---- the form

  function form() {
    const { item, draft, form: rules, tools } = now;
    const page = tools.made("field-form");
    const element = page.querySelector("form");
    const values = draft ? draft.fields : item.fields;
    for (const question of questions()) page.querySelector("[data-questions]").append(asked(question, values));
    element.elements.note.value = values.note || "";
    page.querySelector("[data-photos]").hidden = !rules.photos;
    const help = page.querySelector("[data-photos-help]");
    help.textContent = help.textContent.replace("{n}", rules.photos);
    if (item.photos.length) help.textContent += ` ${tools.words.photosSent.replace("{n}", item.photos.length)}`;
    page.querySelector("[data-discard]").hidden = !draft;
    now.element = element;
    now.began = performance.now();
    now.touched = false;
    if (draft) say(draft.state === "waiting" ? "waitingSince" : "savedAt", draft.saved);
    element.addEventListener("input", (event) => event.target.type === "file" || touched());
    element.addEventListener("change", (event) => event.target.type === "file" && addPhotos(event.target));
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      finish();
    });
    element.querySelector("[data-confirm]").addEventListener("click", () => send(now.remarks));
    element.querySelector("[data-change]").addEventListener("click", () => {
      element.querySelector("[data-remarks]").hidden = true;
      element.querySelector("input[type=radio]").focus();
    });
    element.querySelector("[data-discard] button").addEventListener("click", drop);
    return page;
  }

  function asked(question, values) {
    const { form: rules, tools } = now;
    const page = tools.made("field-question");
    const set = page.querySelector("fieldset");
    set.id = `${question.name}_group`;
    page.querySelector("legend").textContent = question.label;
    const points = page.querySelector(".points");
    if (!question.points.length) points.remove();
    for (const point of question.points) {
      const line = document.createElement("li");
      line.textContent = point;
      points.append(line);
    }
    question.levels.forEach((level, place) => {
      const one = tools.made("field-level");
      const input = one.querySelector("input");
      input.name = question.name;
      input.value = String(place + 1);
      input.id = `${question.name}_${place + 1}`;
      input.checked = values[question.name] === input.value;
      one.querySelector("label").htmlFor = input.id;
      one.querySelector(".level-mark").textContent = input.value;
      one.querySelector("[data-words]").textContent = level;
      set.append(one);
    });
    if (rules.indicatorNotes && question.key) {
      const one = tools.made("field-level-note");
      const text = one.querySelector("textarea");
      const label = one.querySelector("label");
      text.name = text.id = `note_${question.key}`;
      text.value = values[text.name] || "";
      label.htmlFor = text.id;
      label.textContent = `${tools.words.bears.replace("{n}", question.label)} ${tools.words.optional}`;
      set.append(one);
    }
    return page;
  }

  function say(word, moment) {
    const line = now.element.querySelector("[data-saved]");
    line.textContent = now.tools.words[word].replace("{at}", moment ? now.tools.when(moment) : "");
  }

  // Only the time in front of a person counts, by a clock that merely measures: the phone's date may be wrong.
  function seconds() {
    const passed = document.hidden ? 0 : (performance.now() - now.began) / 1000;
    now.began = performance.now();
    now.seconds += passed;
    return Math.round(now.seconds);
  }

  function touched() {
    now.touched = true;
    clearTimeout(now.timer);
    now.timer = setTimeout(save, 250);
  }

  async function save() {
    if (!now || !now.element || !now.touched) return;
    clearTimeout(now.timer);
    const mine = now;
    mine.touched = false;
    const fields = Object.fromEntries([...new FormData(mine.element)].filter(([, value]) => typeof value === "string"));
    const base = mine.draft ? mine.draft.base : mine.item.version;
    const draft = {
      id: mine.item.id,
      kind: "sheet",
      state: "draft",
      fields,
      base,
      url: mine.item.url,
      blobUrl: mine.item.blobUrl,
      saved: Date.now(),
      seconds: seconds(),
      key: null,
    };
    try {
      await Offline.put("drafts", draft);
      mine.draft = draft;
      if (mine === now && mine.element) {
        say("savedAt", draft.saved);
        mine.element.querySelector("[data-discard]").hidden = false;
      }
    } catch (error) {
      mine.touched = true;
      if (mine === now && mine.element) say("notSaved");
    }
  }

  async function leave() {
    await save();
    if (now) now.element = null;
    now = null;
  }

  async function drop() {
    if (!window.confirm(now.tools.words.sureDelete)) return;
    const id = now.item.id;
    now.touched = false;
    now.element = null;
    await Offline.discard(id);
    back();
  }

  function back() {
    now = null;
    if (location.hash.length > 1) location.hash = "";
    else Offline.tell();
  }

  // ---- photos

  async function addPhotos(input) {
    const { item, form: rules, tools, element } = now;
    const wrong = element.querySelector("[data-photo-wrong]");
    wrong.hidden = true;
    const complain = (word) => {
      wrong.textContent = tools.words[word];
      wrong.hidden = false;
    };
    for (const file of [...input.files]) {
      if ((await Offline.blobsOf(item.id)).length + item.photos.length >= rules.photos) {
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
        const key = Offline.newKey();
        await Offline.put("blobs", { key, of: item.id, bytes, type: "image/jpeg", sent: false, added: Date.now() });
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
    const { item, tools, element } = now;
    const list = element.querySelector("[data-thumbs]");
    const blobs = (await Offline.blobsOf(item.id)).sort((one, other) => one.added - other.added);
    const thumbs = await Promise.all(
      blobs.map(async (blob, place) => {
        const page = tools.made("field-thumb");
        const canvas = page.querySelector("canvas");
        const name = tools.words.photo.replace("{n}", place + 1);
        canvas.setAttribute("aria-label", name);
        page.querySelector("button").setAttribute("aria-label", `${page.querySelector("button").textContent} ${name}`);
        page.querySelector("button").addEventListener("click", async () => {
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

  // ---- sending

  async function finish() {
    const { item, form: rules, tools, element } = now;
    // What was sent before and is sent again unchanged is a draft too: a person pressed the button.
    now.touched = true;
    await save();
    const fields = now.draft.fields;
    const box = element.querySelector("[data-missing]");
    const missing = questions().filter((question) => !fields[question.name]);
    box.hidden = !missing.length;
    box.querySelector("ul").replaceChildren(
      ...missing.map((question) => {
        const line = document.createElement("li");
        const link = document.createElement("a");
        link.href = `#${question.name}_group`;
        link.textContent = question.label;
        link.addEventListener("click", (event) => {
          event.preventDefault();
          element.querySelector(`#${question.name}_group input`).focus();
        });
        line.append(link);
        return line;
      }),
    );
    if (missing.length) return box.scrollIntoView({ block: "center" });
    const marks = rules.indicators.map((each) => fields[`mark_${each.key}`]).join("");
    // A correction is quick by nature.
    const taken = item.version ? null : seconds();
    const remarks = remarksOn(marks, fields.first_thing || "", taken, rules.leastSeconds);
    if (!remarks.length) return send([]);
    now.remarks = remarks;
    const look = element.querySelector("[data-remarks]");
    look.querySelector("ul").replaceChildren(
      ...remarks.map((word) => {
        const line = document.createElement("li");
        line.textContent = tools.words[word].replace("{mark}", marks[0]);
        return line;
      }),
    );
    look.hidden = false;
    look.focus();
    return look.scrollIntoView({ block: "center" });
  }

  async function send(remarks) {
    now.touched = true;
    await save();
    const { draft } = now;
    now.element = null;
    const queued = Offline.queue({ ...draft, fields: { ...draft.fields, remarks, seconds: String(draft.seconds) } });
    back();
    OfflineBar.said(await queued);
  }

  // ---- two versions

  function choice() {
    const { item, draft, tools } = now;
    const page = tools.made("field-choice");
    const at = (name) => page.querySelector(`[data-${name}]`);
    for (const reason of draft.reasons) {
      const line = document.createElement("li");
      line.textContent = reason;
      at("reasons").append(line);
    }
    const theirs = draft.gone || !item.version ? null : item.fields;
    at("mine-at").textContent = tools.when(draft.saved);
    at("mine").append(answers(draft.fields, theirs));
    at("theirs-at").textContent = theirs ? item.sentAt : "";
    at("theirs").append(theirs ? answers(theirs, draft.fields) : remark(tools.words.nothing));
    const chooses = (draft.codes || []).includes(CHOOSING);
    const faulty = draft.state === "faulty";
    at("use-mine").hidden = at("use-theirs").hidden = !chooses;
    at("mend").hidden = !faulty;
    at("delete").hidden = chooses;
    at("use-mine").addEventListener("click", async () => {
      const queued = Offline.queue({ ...draft, base: item.version, key: Offline.newKey() });
      back();
      OfflineBar.said(await queued);
    });
    const giveUp = async () => {
      await Offline.discard(draft.id);
      if (draft.gone) await Offline.remove("items", draft.id);
      back();
    };
    at("use-theirs").addEventListener("click", giveUp);
    at("delete").addEventListener("click", () => window.confirm(tools.words.sureDelete) && giveUp());
    at("mend").addEventListener("click", async () => {
      await Offline.put("drafts", { ...draft, state: "draft", key: null });
      Offline.tell();
    });
    return page;
  }

  function answers(fields, others) {
    const { tools } = now;
    const list = document.createElement("dl");
    list.className = "facts answers";
    const line = (label, text, differs) => {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = label;
      value.textContent = text;
      if (differs) value.className = "differs";
      list.append(term, value);
    };
    const differ = (name) => Boolean(others) && (fields[name] || "") !== (others[name] || "");
    for (const question of questions()) {
      const mark = fields[question.name];
      const note = question.key ? `note_${question.key}` : "";
      const text = mark ? `${mark} ${question.levels[mark - 1]}` : "—";
      const said = note && fields[note] ? `${text}\n${fields[note]}` : text;
      line(question.label, said, differ(question.name) || (note && differ(note)));
    }
    if (fields.note || (others && others.note)) line(tools.words.seen, fields.note || "—", differ("note"));
    return list;
  }

  document.addEventListener("visibilitychange", () => {
    if (!now || !now.element) return;
    if (document.hidden) {
      now.seconds += (performance.now() - now.began) / 1000;
      save();
    }
    now.began = performance.now();
  });
  window.addEventListener("pagehide", save);

  return { open, leave, isBeingFilled: () => Boolean(now && now.element) };
})();
