// Photos of what is written without a signal: made small before they are kept, drawn as squares to be looked at.
"use strict";

self.OfflinePhotos = (() => {
  // As on the server: small enough for a bad line, large enough to read a notice board.
  const LONGEST_SIDE = 1280;
  const QUALITY = 0.78;

  async function shrunk(file) {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob.arrayBuffer();
  }

  async function draw(canvas, blob) {
    const picture = await createImageBitmap(new Blob([blob.bytes], { type: blob.type }));
    const side = Math.min(picture.width, picture.height);
    const [left, above] = [(picture.width - side) / 2, (picture.height - side) / 2];
    canvas.getContext("2d").drawImage(picture, left, above, side, side, 0, 0, canvas.width, canvas.height);
  }

  return { shrunk, draw };
})();
