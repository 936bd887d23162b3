package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"patchcord/buffer/spool"
	"patchcord/crm"
	"patchcord/push"
)

// metrics tells Prometheus how this node fares. What parts know already is read at each
// scrape (see gauges); only what passes by is counted here. Labels are names of the
// configuration and words of the contract: nothing that came through a call.
type metrics struct {
	registry *prometheus.Registry
	pops     *prometheus.CounterVec
	latency  prometheus.Histogram
	calls    *prometheus.CounterVec
	gaps     *prometheus.CounterVec
	asked    *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		pops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patchcord_pops_total", Help: "Pops by what became of them; one with several screens is written once.",
		}, []string{"fate"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "patchcord_pop_latency_seconds", Help: "From the receipt of the frame that told of a ring until the first screen took the pop.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patchcord_calls_ended_total", Help: "Calls that ended while this node watched them.",
		}, []string{"pbx", "direction", "outcome"}),
		gaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patchcord_gaps_total", Help: "Gaps that opened: intervals in which a PBX may have said what nobody heard.",
		}, []string{"pbx", "cause"}),
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patchcord_crm_requests_total", Help: "What CRMs were asked by what came of it: ok, or why not. A batch is one.",
		}, []string{"dest", "operation", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "patchcord_crm_request_seconds", Help: "How long CRMs took for it; a write has the look-ups before it in it.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"dest", "operation"}),
	}
	m.registry.MustRegister(
		m.pops, m.latency, m.calls, m.gaps, m.asked, m.took,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// watch reads the daemon's parts at every scrape from now on.
func (m *metrics) watch(d *daemon) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "patchcord_build_info", Help: "1, labelled with the version and this node's name.",
		ConstLabels: prometheus.Labels{"version": version(), "node": d.cfg.Node},
	})
	build.Set(1)
	frames, _ := d.frames.(*spool.Log)
	m.registry.MustRegister(build, &gauges{
		house: d.house, hub: d.hub, spool: frames, store: d.store, dests: &d.targets, crms: &d.crms,
	})
}

// requested returns what a CRM's Destination tells of its requests.
func (m *metrics) requested(dest string) func(operation, outcome string, took time.Duration) {
	return func(operation, outcome string, took time.Duration) {
		m.asked.WithLabelValues(dest, operation, outcome).Inc()
		m.took.WithLabelValues(dest, operation).Observe(took.Seconds())
	}
}

// delivered is one of those that push.Config.OnDelivery tells.
func (m *metrics) delivered(p push.Delivery) {
	m.pops.WithLabelValues(string(p.Fate)).Inc()
	if p.Fate == push.Written {
		m.latency.Observe(p.Latency.Seconds())
	}
}

// published sees every event of this node's live folds.
func (m *metrics) published(e *crm.Event) {
	switch {
	case e.Type == crm.CallEnded && e.Call != nil:
		m.calls.WithLabelValues(e.Call.PBX, cmp.Or(string(e.Call.Direction), "unknown"), cmp.Or(string(e.Call.Outcome), "unknown")).Inc()
	case e.Type == crm.GapOpened && e.Gap != nil:
		m.gaps.WithLabelValues(e.Gap.PBX, string(e.Gap.Cause)).Inc()
	}
}

// handler answers scrapes.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 3, Timeout: 10 * time.Second,
	}))
	return mux
}

// listenMetrics opens the address of metrics_listen; nil without one.
func listenMetrics(cfg *Config, h http.Handler) (*webServer, error) {
	if cfg.MetricsListen == "" {
		return nil, nil
	}
	ln, err := net.Listen("tcp", cfg.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for metrics: %w; stop what uses it, or set metrics_listen to another port", cfg.MetricsListen, err)
	}
	return &webServer{
		listener: ln, url: "http://" + ln.Addr().String() + "/metrics",
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second},
	}, nil
}

func (d *daemon) addMetrics() (err error) {
	d.metrics.watch(d)
	if d.scraped, err = listenMetrics(d.cfg, d.metrics.handler(d.log)); d.scraped != nil {
		d.add("metrics", d.scraped.run)
	}
	return err
}

// jobCounter is what destinationCounts needs of a crm.Store.
type jobCounter interface {
	CountJobs(ctx context.Context, dest string) (map[crm.JobState]int, error)
	OldestJob(ctx context.Context, dest string) (time.Time, error)
	Ping(ctx context.Context) error
}

// waiting is the jobs of a destination.
type waiting struct {
	states map[crm.JobState]int
	oldest time.Time // of those that are not parked, zero without one
}

// destinationCounts asks the store what waits for each destination.
func destinationCounts(store jobCounter, dests destinations) (map[string]waiting, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	counts := map[string]waiting{}
	for _, names := range dests {
		for _, name := range names {
			states, err := store.CountJobs(ctx, name)
			if err != nil {
				return nil, err
			}
			oldest, err := store.OldestJob(ctx, name)
			if err != nil {
				return nil, err
			}
			counts[name] = waiting{states, oldest}
		}
	}
	return counts, store.Ping(ctx)
}
