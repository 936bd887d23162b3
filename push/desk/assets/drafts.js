// What an agent typed and did not save outlives a reload and the end of a login, in this tab only, and is shown to
// nobody else who logs in there. In a frame of another site the browser may refuse to keep anything; then it lives
// as long as the page.

const kept = new Map();
let prefix = '';

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

export const drafts = {
  // of says whose drafts are meant from now on.
  of(user) { prefix = `draft ${encodeURIComponent(user)} `; },

  get(id) { return JSON.parse(storage()?.getItem(prefix + id) ?? kept.get(prefix + id) ?? 'null'); },

  set(id, draft) {
    kept.set(prefix + id, JSON.stringify(draft));
    storage()?.setItem(prefix + id, kept.get(prefix + id));
  },

  remove(id) {
    kept.delete(prefix + id);
    storage()?.removeItem(prefix + id);
  },

  // move gives a call's draft to the call that absorbed it, unless that has its own.
  move(from, to) {
    if (from === to) return;
    if (!drafts.get(to)) drafts.set(to, drafts.get(from));
    drafts.remove(from);
  },

  // ids of the calls that have one.
  ids() {
    const keys = new Set([...Object.keys(storage() ?? {}), ...kept.keys()]);
    return [...keys].filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length));
  },

  clear() {
    kept.clear();
    storage()?.clear();
  },
};
