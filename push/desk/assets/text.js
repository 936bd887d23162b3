// What came through a phone call is text of unknown intent. Here it is made fit to be shown.

import { now } from './time.js';

const controls = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

// clean takes out controls, those of direction too, and cuts to max graphemes of
// at most four code points each, so that no name can break the layout.
export function clean(value, max = 80) {
  if (typeof value !== 'string') return '';
  const out = [];
  for (const { segment } of segmenter.segment(value.slice(0, 4000).replace(controls, ' ').trim())) {
    if (out.length === max) { out[max - 1] = '…'; break; }
    out.push([...segment].slice(0, 4).join(''));
  }
  return out.join('');
}

// el makes an element: properties by name, children as nodes or as text.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === 'class') node.className = value;
    else if (key.includes('-') || key === 'role' || key === 'for') node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

// set changes a node's text only when it differs, so that nothing is read out twice.
export function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const two = (n) => String(n).padStart(2, '0');

// duration of milliseconds: 0:07, 12:34, 1:02:03.
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

// clock is the time of day, with the date when it was not today.
export function clock(at, seconds = false) {
  const t = new Date(at);
  if (Number.isNaN(t.getTime())) return '';
  const time = `${two(t.getHours())}:${two(t.getMinutes())}${seconds ? `:${two(t.getSeconds())}` : ''}`;
  if (t.toDateString() === new Date(now()).toDateString()) return time;
  return `${t.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })} ${time}`;
}
