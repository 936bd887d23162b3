package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"patchcord/ami/amitest"
)

// scrape returns every value of a page of metrics by name and labels, as Prometheus reads it.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	values := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		values[line[:at]] = v
	}
	return values
}

func TestMetricsTellHowTheDaemonFares(t *testing.T) {
	t.Parallel()
	at := freeAddress(t)
	secret := filepath.Join(t.TempDir(), "sink.secret")
	if err := os.WriteFile(secret, []byte("whsec_"+base64.StdEncoding.EncodeToString([]byte(rand.Text()))), 0o600); err != nil {
		t.Fatal(err)
	}
	hook := "metrics_listen: " + at + "\nwebhooks: [{name: sink, url: \"http://" + freeAddress(t) + "\", secret_file: " + quoted(secret) + ", allow_private: true}]\n"
	pbx, address := simulated(t, amitest.Config{Name: "hq", Timestamps: true, Traffic: quickCalls(20)})
	_, boss := serve(t, configFor(t, address, hook))
	boss.history(t, pbx, 20)
	url := "http://" + at + "/metrics"
	var got map[string]float64
	waitFor(t, 30*time.Second, "the calls to be counted", func() bool {
		got = scrape(t, url)
		return got[`patchcord_pbx_connected{pbx="hq"}`] == 1 && got[`patchcord_calls_open{pbx="hq"}`] == 0 && got[`patchcord_append_queued{pbx="hq"}`] == 0
	})
	ended := 0.0
	for name, v := range got {
		if strings.HasPrefix(name, "patchcord_calls_ended_total{") {
			ended += v
		}
	}
	if ended == 0 || int(ended) > pbx.Ledger().Len() {
		t.Errorf("%v calls ended of %d", ended, pbx.Ledger().Len())
	}
	if got[`patchcord_frames_total{pbx="hq"}`] < 10*ended || got["patchcord_store_up"] != 1 || got[`patchcord_jobs{dest="sink",state="ready"}`] < ended {
		t.Errorf("frames, store or jobs are not told: %v", pick(got, "patchcord_"))
	}
	if age := time.Since(time.Unix(int64(got[`patchcord_pbx_last_frame_timestamp_seconds{pbx="hq"}`]), 0)); age > time.Minute {
		t.Errorf("the newest frame is %v old", age)
	}
	for name := range got { // of callers nothing is told
		if strings.Contains(name, "4416329") || strings.Contains(name, "Jane") {
			t.Errorf("%s speaks of a caller", name)
		}
	}
	if resp, err := http.Get("http://" + at + "/v1/calls"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("the API answers there too: %v, %v", resp, err)
	}
}

func pick(values map[string]float64, prefix string) (list []string) {
	for name, v := range values {
		if strings.HasPrefix(name, prefix) {
			list = append(list, fmt.Sprintf("%s %v", name, v))
		}
	}
	return list
}

func TestMetricsAreNotServedUnasked(t *testing.T) {
	_, boss := serve(t, configFor(t, freeAddress(t), ""))
	resp, err := http.Get(boss.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || strings.Contains(string(body), "patchcord_") {
		t.Errorf("the pages' listener serves metrics (%v):\n%s", err, body)
	}
}
