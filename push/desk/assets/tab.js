// What the browser's tab says of the page, which is all that many see of it most of the day.

export class Tab {
  #headline = '';
  #ringing = false;
  #trouble = '';

  constructor(icon) {
    this.icon = icon;
    this.plain = icon.href;
  }

  // headline says what the call at hand is.
  headline(text, ringing) {
    this.#headline = text;
    this.#ringing = ringing;
    this.#draw();
  }

  // trouble goes before it: calls of a page that hears nothing are of the past.
  trouble(text) {
    this.#trouble = text;
    this.#draw();
  }

  #draw() {
    document.title = this.#trouble ? `⚠ ${this.#trouble} – patchcord` : this.#headline || 'patchcord';
    const icon = this.#trouble ? 'icon-off.svg' : this.#ringing ? 'icon-ringing.svg' : 'icon.svg';
    const href = this.plain.replace(/icon\.svg$/, icon);
    if (this.icon.href !== href) this.icon.href = href;
  }
}
