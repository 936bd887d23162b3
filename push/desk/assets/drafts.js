// What an agent typed and did not save outlives a reload, in this tab only. In a frame of another site the
// browser may refuse to keep anything; then it lives as long as the page.

const kept = new Map();

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

export const drafts = {
  get(id) { return JSON.parse(storage()?.getItem(`draft ${id}`) ?? kept.get(id) ?? 'null'); },

  set(id, draft) {
    kept.set(id, JSON.stringify(draft));
    storage()?.setItem(`draft ${id}`, kept.get(id));
  },

  remove(id) {
    kept.delete(id);
    storage()?.removeItem(`draft ${id}`);
  },

  clear() {
    kept.clear();
    storage()?.clear();
  },
};
