package ami

import (
	"log/slog"
	"time"
)

// An outage logs once when it begins, once when it turns out to be of another kind,
// and once when it is over.
type outage struct {
	since time.Time
	class Class
}

func (o *outage) failed(log *slog.Logger, name string, f *failure, now time.Time) {
	if o.class == f.class {
		return
	}
	if o.since.IsZero() {
		o.since = now
	}
	o.class = f.class
	log.Warn("manager session is down", "pbx", name, "class", string(f.class), "error", f.err, "advice", f.text)
}

func (o *outage) over(log *slog.Logger, name, version string, now time.Time) {
	if o.since.IsZero() {
		log.Info("manager session is up", "pbx", name, "ami", version)
	} else {
		log.Info("manager session is up again", "pbx", name, "ami", version, "outage", now.Sub(o.since).Round(time.Millisecond))
	}
	*o = outage{}
}
