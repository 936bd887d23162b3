package crmsync_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"patchcord/crm"
	crmsync "patchcord/sync"
)

func TestTheDaysQuotaKeepsAReserve(t *testing.T) {
	tests := map[string]struct {
		used, limit int
		writes      int // in an hour of one new call a minute
		spare       bool
	}{
		"unknown":               {0, 0, 60, true},
		"half":                  {5_000, 10_000, 60, true},
		"over 80 %: slower":     {8_950, 10_000, 5, false},
		"over 90 %: a probe":    {9_500, 10_000, 5, false},
		"spent, and more still": {10_001, 10_000, 5, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sim(t, func(t *testing.T) {
				h, d, dest := newHouse(), newDesk(1), &crmsync.Destination{}
				w, _ := keeping(t, h, d, crmsync.Config{Destination: dest})
				for i := range 60 {
					dest.Quota.Report(tt.used, tt.limit)
					h.happens(crm.CallEnded, call(fmt.Sprint("hq:", i), true, ""), "")
					w.Wake()
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				if got := d.written(); got > tt.writes || got < tt.writes-1 {
					t.Errorf("%d writes in an hour, want %d", got, tt.writes)
				}
				if got := dest.Quota.Spare(); got != tt.spare {
					t.Errorf("spare is %t, want %t", got, tt.spare)
				}
				dest.Quota.Report(10, 10_000)
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := d.written(); got != 60 {
					t.Errorf("%d written when the quota is free again, want 60", got)
				}
			})
		})
	}
}
