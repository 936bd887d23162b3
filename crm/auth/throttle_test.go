package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestThrottlePerAccountAndAddress(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle()
	a := attemptOf("default", "anna", netip.MustParseAddr("192.0.2.1"))
	for i := range pairStrikes {
		if d := th.wait(a, now); d != 0 {
			t.Fatalf("attempt %d must wait %s", i+1, d)
		}
		th.fail(a, now)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		want *= time.Minute
		if got := th.wait(a, now); got != want {
			t.Errorf("got a delay of %s, want %s", got, want)
		}
		now = now.Add(want)
		if got := th.wait(a, now); got != 0 {
			t.Errorf("after the delay still %s", got)
		}
		th.fail(a, now)
	}
	other := attemptOf("default", "anna", netip.MustParseAddr("192.0.2.2"))
	if d := th.wait(other, now); d != 0 {
		t.Errorf("the account is locked at another address: %s", d)
	}
	th.succeed(a)
	if d := th.wait(a, now); d != 0 {
		t.Errorf("after a success: %s", d)
	}
}

func TestThrottleForgetsFourOldFailures(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle()
	a := attemptOf("default", "anna", netip.MustParseAddr("192.0.2.1"))
	for range 10 {
		for range pairStrikes - 1 {
			th.fail(a, now)
		}
		if d := th.wait(a, now); d != 0 {
			t.Fatalf("must wait %s", d)
		}
		now = now.Add(pairWindow)
	}
}

func TestThrottlePerAddress(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle()
	ip := netip.MustParseAddr("2001:db8::1")
	for i := range perIPMinute {
		a := attemptOf("default", fmt.Sprint("user", i), ip)
		if d := th.wait(a, now); d != 0 {
			t.Fatalf("attempt %d must wait %s", i+1, d)
		}
		th.fail(a, now)
	}
	neighbour := attemptOf("default", "x", netip.MustParseAddr("2001:db8::2"))
	d := th.wait(neighbour, now)
	if d < time.Second || d > 3*time.Second {
		t.Errorf("the same /64 after %d failures: wait %s, want 2s", perIPMinute, d)
	}
	if got := th.wait(neighbour, now.Add(d)); got != 0 {
		t.Errorf("after that still %s", got)
	}
	if got := th.wait(attemptOf("default", "x", netip.MustParseAddr("2001:db8:0:1::1")), now); got != 0 {
		t.Errorf("another /64 must wait %s", got)
	}
}

func TestThrottlePerAccountOverAllAddresses(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle()
	for i := range perAcctMinute {
		a := attemptOf("default", "Anna", netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		if d := th.wait(a, now); d != 0 {
			t.Fatalf("attempt %d must wait %s", i+1, d)
		}
		th.fail(a, now)
	}
	fresh := netip.MustParseAddr("198.51.100.1")
	if d := th.wait(attemptOf("default", "anna", fresh), now); d == 0 {
		t.Error("the 21st failure in a minute for one account was let through")
	}
	if d := th.wait(attemptOf("default", "berta", fresh), now); d != 0 {
		t.Errorf("another account must wait %s", d)
	}
	if d := th.wait(attemptOf("other", "anna", fresh), now); d != 0 {
		t.Errorf("another tenant's account must wait %s", d)
	}
}
