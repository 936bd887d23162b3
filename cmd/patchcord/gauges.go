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
	lines []*intake.Line
	hub   *push.Hub
	spool *spool.Log
	store jobCounter
	dests destinations
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
		{describe("record_lag_seconds", "Age of the oldest frame that is not in the record yet.", "pbx"), gauge,
			func(s intake.Status) float64 { return s.Lag.Seconds() }},
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
	for _, l := range g.lines {
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
	counts, err := destinationCounts(g.store, g.dests)
	tell(describe("store_up", "1 when the store answered this scrape."), truth(err == nil))
	jobs := describe("jobs", "Jobs that are not done, by destination and state; a parked one waits for a person.", "dest", "state")
	for dest, states := range counts {
		for _, state := range []crm.JobState{crm.JobReady, crm.JobLeased, crm.JobParked} {
			tell(jobs, float64(states[state]), dest, string(state))
		}
	}
}

func lastFrame(s intake.Status) float64 {
	if s.LastFrame.IsZero() {
		return 0
	}
	return float64(s.LastFrame.UnixNano()) / float64(time.Second)
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
