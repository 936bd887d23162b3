package calls

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchcord/ami"
)

// BenchmarkFold folds recorded traffic with everything in it (VarSet, Newexten, RTCP):
// 50 queue calls at once, and a distribution's dialplan.
func BenchmarkFold(b *testing.B) {
	for _, name := range []string{"22/load-50-all", "22/load-50", "22-distro/queue-blind-dtmf"} {
		b.Run(name, func(b *testing.B) {
			flavour, trace, _ := strings.Cut(name, "/")
			list := frames(readStory(b, flavour, trace))
			b.ReportAllocs()
			n, cpu := 0, cpuTime(b)
			for b.Loop() {
				t, err := New(Config{PBX: "pbx", Region: "GB"})
				if err != nil {
					b.Fatal(err)
				}
				for _, in := range list {
					t.Apply(in)
				}
				n += len(list)
			}
			used := cpuTime(b) - cpu // not the time: others may use the machine too
			b.ReportMetric(float64(n)/used.Seconds(), "events/cpu-s")
			b.ReportMetric(float64(used.Nanoseconds())/float64(n), "cpu-ns/event")
		})
	}
}

// cpuTime returns the processor time that the process has used, garbage collection included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOpenCalls reports the memory of 10,000 calls that wait in a queue, and how many
// times as much it is after 10,000 more have come and gone beside them. Those that ended
// last are kept for a while, so some have come and gone before.
func BenchmarkOpenCalls(b *testing.B) {
	const open, some, more = 10_000, 2_000, 10_000
	for b.Loop() {
		before := heap()
		t, err := New(Config{PBX: "pbx", Evidence: true})
		if err != nil {
			b.Fatal(err)
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for i := range open {
			feed(t, at, waitingCall(i))
		}
		waiting := heap() - before
		var settled uint64
		for i := range some + more {
			if i == some {
				settled = heap() - before
			}
			at = at.Add(50 * time.Millisecond)
			feed(t, at, append(waitingCall(open+i), endOf(open+i)...))
		}
		began := cpuTime(b)
		n := len(t.Open())
		b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(n), "open-ns/call")
		later := heap() - before
		b.ReportMetric(float64(waiting)/open, "B/call")
		b.ReportMetric(float64(later)/float64(settled), "x-later")
		runtime.KeepAlive(t)
	}
}

// feed folds a call's frames, and takes what came of them as a recorder does.
func feed(t *Tracker, at time.Time, frames []string) {
	for _, text := range frames {
		t.Apply(Input{At: at, Msg: ami.NewMessage(text)})
	}
	t.Drain()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// endOf hangs up both legs of the call.
func endOf(i int) []string {
	id, leg := fmt.Sprintf("1700000000.%d", 2*i), fmt.Sprintf("1700000000.%d", 2*i+1)
	return []string{
		fmt.Sprintf("Event: Hangup\r\nChannel: PJSIP/%d-%08x\r\nUniqueid: %s\r\nLinkedid: %s\r\nCause: 16\r\n", 1000+i, i, leg, id),
		fmt.Sprintf("Event: QueueCallerAbandon\r\nChannel: PJSIP/trunk-%08x\r\nUniqueid: %s\r\nLinkedid: %s\r\nQueue: support\r\n", i, id, id),
		fmt.Sprintf("Event: QueueCallerLeave\r\nChannel: PJSIP/trunk-%08x\r\nUniqueid: %s\r\nLinkedid: %s\r\nQueue: support\r\n", i, id, id),
		fmt.Sprintf("Event: Hangup\r\nChannel: PJSIP/trunk-%08x\r\nUniqueid: %s\r\nLinkedid: %s\r\nCause: 16\r\n", i, id, id),
	}
}

func waitingCall(i int) []string {
	id := fmt.Sprintf("1700000000.%d", 2*i)
	leg := fmt.Sprintf("1700000000.%d", 2*i+1)
	channel := fmt.Sprintf("Channel: PJSIP/trunk-%08x\r\nCallerIDNum: 4416329%05d\r\nExten: 5551000\r\nUniqueid: %s\r\nLinkedid: %s\r\n", i, i, id, id)
	dest := fmt.Sprintf("DestChannel: PJSIP/%d-%08x\r\nDestUniqueid: %s\r\nDestLinkedid: %s\r\n", 1000+i, i, leg, id)
	return []string{
		"Event: Newchannel\r\nChannelState: 4\r\n" + channel,
		"Event: QueueCallerJoin\r\n" + channel + "Queue: support\r\nPosition: 1\r\n",
		fmt.Sprintf("Event: Newchannel\r\nChannelState: 0\r\nChannel: PJSIP/%d-%08x\r\nUniqueid: %s\r\nLinkedid: %s\r\n", 1000+i, i, leg, id),
		"Event: DialBegin\r\n" + channel + dest + "DialString: PJSIP/1001\r\n",
	}
}
