// Keying without waiting for the server: a sheet is sent in the background while the next one is typed. Without this
// script the form does the same with a page for each sheet.
"use strict";

(() => {
  const form = document.querySelector("form.keying");
  const said = form.querySelector(".keying-said");
  const number = form.elements.number;
  const typed = ["code", "marks"].map((name) => form.elements[name]).filter(Boolean);
  const wrong = form.querySelector(".keying-wrong");
  const sheets = Number(form.dataset.sheets);
  const missing = new Set(form.dataset.missing.split(",").filter(Boolean).map(Number));
  const waiting = [];
  let sending = false;

  const say = (words, n) => {
    said.textContent = words.replace("{n}", n);
  };
  const next = (after) => {
    const numbers = [...missing].sort((one, other) => one - other);
    return numbers.find((each) => each > after) || numbers[0] || "";
  };

  form.addEventListener("keydown", (event) => {
    // Enter goes to the next field, and in the last one keeps the sheet.
    if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
    const fields = [number, ...typed];
    const place = fields.indexOf(event.target);
    // A spoilt sheet needs no code: the code's field takes the mark for it.
    if (event.target.name === "code" && event.target.value.trim() === "*") {
      form.elements.marks.value = "*";
      return;
    }
    if (place >= 0 && place < fields.length - 1) {
      event.preventDefault();
      fields[place + 1].focus();
      fields[place + 1].select();
    }
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sheet = new FormData(form);
    waiting.push(sheet);
    missing.delete(Number(sheet.get("number")));
    number.value = next(Number(sheet.get("number")));
    typed.forEach((field) => (field.value = ""));
    typed[0].focus();
    send();
  });

  window.addEventListener("beforeunload", (event) => {
    if (waiting.length) event.preventDefault();
  });

  async function send() {
    if (sending) return;
    sending = true;
    while (waiting.length) {
      const sheet = waiting[0];
      let answer;
      try {
        answer = await fetch(form.action || location.href, {
          method: "POST",
          body: new URLSearchParams(sheet),
          headers: { Accept: "application/json" },
          credentials: "same-origin",
        });
        if (answer.status >= 500) throw new Error(String(answer.status));
      } catch {
        say(form.dataset.lost, sheet.get("number"));
        await new Promise((resolve) => setTimeout(resolve, 2000));
        continue;
      }
      waiting.shift();
      if (!(answer.headers.get("Content-Type") || "").includes("json")) {
        // Signed out, or no longer this batch's keyer: the page itself says why.
        waiting.length = 0;
        location.reload();
        return;
      }
      const told = await answer.json();
      const n = Number(sheet.get("number"));
      wrong.querySelectorAll(`[data-sheet="${n}"]`).forEach((line) => line.remove());
      if (told.errors) {
        // What is typed meanwhile stays; the sheet comes up again by itself.
        const line = document.createElement("li");
        line.dataset.sheet = n;
        line.textContent = `${form.dataset.wrong.replace("{n}", n)} ${told.errors.join(" ")}`;
        wrong.append(line);
        missing.add(n);
        if (!number.value) number.value = n;
      } else if (told.left === 0) {
        sending = false;
        location.reload();
        return;
      } else {
        say(`${form.dataset.kept} ${form.dataset.left.replace("{n}", told.left)}`, n);
        document.querySelector("progress").value = sheets - told.left;
      }
    }
    sending = false;
  }
})();
