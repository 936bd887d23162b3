// A call that rings while another window has the focus is told by the desktop, to who wants that.

export class Notifier {
  #shown = new Map(); // by card

  // button asks for the permission, and is there as long as that was neither given nor refused.
  constructor(button) {
    this.button = button;
    button.addEventListener('click', async () => {
      await Notification.requestPermission();
      this.offer();
    });
  }

  offer() { this.button.hidden = globalThis.Notification?.permission !== 'default'; }

  // Several windows of one agent show one notification, as its tag is the call's.
  ring(card, title, body, go) {
    if (globalThis.Notification?.permission !== 'granted' || document.hasFocus()) return;
    const shown = new Notification(title, { body, tag: card.id });
    shown.addEventListener('click', () => {
      window.focus();
      go();
      shown.close();
    });
    this.end(card);
    this.#shown.set(card, shown);
  }

  end(card) {
    this.#shown.get(card)?.close();
    this.#shown.delete(card);
  }
}
