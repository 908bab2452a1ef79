// The same three questions as care.py asks on the server, for a phone without a signal.
"use strict";

self.remarksOn = (marks, projectMark, seconds, leastSeconds) => {
  const found = [];
  if (marks.length > 1 && new Set(marks).size === 1) found.push("straight");
  if (seconds !== null && seconds < leastSeconds) found.push("fast");
  if (projectMark && marks.length && [...marks].every((mark) => Math.abs(mark - projectMark) >= 3)) {
    found.push("contradicting");
  }
  return found;
};
