// The server's time, whatever this computer's clock says and however often it is set while the page is open.

let offset = Date.now() - performance.now(); // until the server has spoken

// now goes on evenly, but may stand still while the computer sleeps; the next welcome puts it right.
export function now() { return performance.now() + offset; }

// serverSays takes the server's clock.
export function serverSays(time) { offset = Date.parse(time) - performance.now(); }
