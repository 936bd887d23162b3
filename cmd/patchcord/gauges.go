package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patchcord/ami/intake"
	"patchcord/buffer/spool"
	"patchcord/crm"
	"patchcord/crm/api"
	"patchcord/push"
)

// gauges reads how the daemon's parts stand. It is a prometheus.Collector.
type gauges struct {
	house *house
	hub   *push.Hub
	spool *spool.Log
	store jobCounter
	dests *targets
	crms  *crmServices
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("patchcord_"+name, help, labels, nil)
}

// What is told of a PBX. It is this node's view: on several nodes the owner's counts.
func pbxMetrics() []pbxMetric {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	return []pbxMetric{
		{describe("pbx_connected", "1 while a node's manager session is logged in and this node knows of it.", "pbx"), gauge,
			func(s intake.Status) float64 { return truth(shownState(s).State == api.Connected) }},
		{describe("pbx_owned", "1 while this node owns the PBX.", "pbx"), gauge, func(s intake.Status) float64 { return truth(s.Owned) }},
		{describe("pbx_last_frame_timestamp_seconds", "When the newest frame was received; 0 before the first.", "pbx"), gauge, lastFrame},
		{describe("pbx_certificate_end_timestamp_seconds", "When the certificate of the PBX's manager ends; 0 while there is no session, or one without TLS.", "pbx"),
			gauge, func(s intake.Status) float64 { return seconds(s.State.CertExpires) }},
		{describe("record_lag_seconds", "Age of the oldest frame that is not in the record yet.", "pbx"), gauge,
			func(s intake.Status) float64 { return s.Lag.Seconds() }},
		{describe("dead_letters", "Frames that could not be recorded and wait for a person.", "pbx"), gauge,
			func(s intake.Status) float64 { return float64(s.DeadLetters) }},
		{describe("append_lag_seconds", "Age of the oldest frame that is not durable yet.", "pbx"), gauge,
			func(s intake.Status) float64 { return s.Append.Lag.Seconds() }},
		{describe("append_queued", "Frames that are not durable yet.", "pbx"), gauge, func(s intake.Status) float64 { return float64(s.Append.Queued) }},
		{describe("append_dropped_total", "Frames given up because every queue was full; a gap says so.", "pbx"), counter,
			func(s intake.Status) float64 { return float64(s.Append.Dropped) }},
		{describe("pbx_logins_total", "Logins that succeeded since this node owns the PBX.", "pbx"), counter,
			func(s intake.Status) float64 { return float64(s.Session.Connections) }},
		{describe("frames_total", "Frames received since this node owns the PBX.", "pbx"), counter,
			func(s intake.Status) float64 { return float64(s.Session.Frames) }},
		{describe("frames_oversize_total", "Messages discarded for their size.", "pbx"), counter,
			func(s intake.Status) float64 { return float64(s.Session.Oversize) }},
	}
}

type pbxMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(intake.Status) float64
}

// Describe implements prometheus.Collector: the metrics are those that Collect gives.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. A store that does not answer costs only what it would have told.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	metrics := pbxMetrics()
	calls := describe("calls_open", "Calls that are going on.", "pbx")
	for _, l := range g.house.lines.get() {
		s := l.Status()
		for _, m := range metrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.of(s), s.PBX)
		}
		tell(calls, float64(len(l.Open())), s.PBX)
		g.collectSpool(tell, s.PBX)
	}
	h := g.hub.Stats()
	tell(describe("sockets", "WebSockets that are open."), float64(h.Sockets))
	out <- prometheus.MustNewConstMetric(describe("sockets_slow_total", "WebSockets closed because they did not take what was sent."),
		prometheus.CounterValue, float64(h.Slow))
	g.collectJobs(tell)
	g.collectCRMs(tell)
}

func (g *gauges) collectSpool(tell func(*prometheus.Desc, float64, ...string), pbx string) {
	if g.spool == nil {
		return
	}
	s := g.spool.Stats(pbx)
	tell(describe("spool_bytes", "Size of the files that stand in for the log.", "pbx"), float64(s.Bytes), pbx)
	tell(describe("spool_entries", "Frames that wait there for the log, about.", "pbx"), float64(s.Entries), pbx)
}

func (g *gauges) collectJobs(tell func(*prometheus.Desc, float64, ...string)) {
	counts, err := destinationCounts(g.store, g.dests.get())
	tell(describe("store_up", "1 when the store answered this scrape."), truth(err == nil))
	jobs := describe("jobs", "Jobs that are not done, by destination and state; a parked one waits for a person.", "dest", "state")
	oldest := describe("jobs_oldest_seconds", "Age of the oldest job that waits or is under way; 0 without one. Parked ones do not count.", "dest")
	for dest, w := range counts {
		for _, state := range []crm.JobState{crm.JobReady, crm.JobLeased, crm.JobParked} {
			tell(jobs, float64(w.states[state]), dest, string(state))
		}
		age := 0.0
		if !w.oldest.IsZero() {
			age = max(0, time.Since(w.oldest).Seconds())
		}
		tell(oldest, age, dest)
	}
}

// collectCRMs tells how this node fares with every CRM.
func (g *gauges) collectCRMs(tell func(*prometheus.Desc, float64, ...string)) {
	breaker := describe("crm_breaker_open", "1 while the breaker of an operation is open or lets a single probe through.", "dest", "operation")
	paused := describe("crm_paused", "1 while the CRM wants to be asked nothing.", "dest")
	left := describe("crm_quota_left", "Requests that the CRM takes yet, of its day; absent when it does not tell.", "dest")
	limit := describe("crm_quota_limit", "Requests that the CRM takes a day; absent when it does not tell.", "dest")
	for _, m := range g.crms.list.get() {
		name, b := m.cfg.Name, m.breakers()
		for operation, state := range map[string]string{"write": b.Write, "lookup": b.Lookup, "pull": b.Pull, "reconcile": b.Reconcile} {
			if state != "" {
				tell(breaker, truth(state != "closed"), name, operation)
			}
		}
		tell(paused, truth(!m.worker.Status().PausedUntil.IsZero()), name)
		if used, most, _ := m.dest.Quota.Usage(); most > 0 {
			tell(left, float64(max(0, most-used)), name)
			tell(limit, float64(most), name)
		}
	}
}

func lastFrame(s intake.Status) float64 { return seconds(s.LastFrame) }

// seconds returns a time as Prometheus has it; 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / float64(time.Second)
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
