package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"patchcord/ami/amitest"
)

// TestChaosNetwork takes the network between a PBX and its daemon away, for moments or until the session
// is given up. As root the daemon lives in a network namespace and its link goes down, so that nobody is
// told; else a TCP proxy stands between and swallows both directions.
func TestChaosNetwork(t *testing.T) {
	what := "partitioned by proxy"
	if namespaces() {
		what = "partitioned by netns"
	}
	rounds(t, "network", what, 50, func(t *testing.T, faults int, random *rand.Rand) tally {
		var v *victim
		var net network
		if namespaces() {
			v, net = newNamespace(t, random)
		} else {
			v, net = newProxied(t, random)
		}
		defer v.tellIfFailed()
		for i := range faults {
			time.Sleep(between(random, 200*time.Millisecond, 2*time.Second))
			if i%3 == 0 {
				v.pbx.Drop(true) // a reset in the midst of it
				continue
			}
			net(false)
			time.Sleep(between(random, 200*time.Millisecond, 13*time.Second))
			net(true)
		}
		truth := v.finish(openSQLite(t, v.dir))
		return checkAgainstLedger(t, v.dir, truth)
	})
}

// network lets a network work, or not.
type network func(on bool)

func namespaces() bool {
	for _, tool := range []string{"ip", "unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return false
		}
	}
	return os.Geteuid() == 0 && exec.Command("unshare", "-n", "true").Run() == nil
}

func newProxied(t *testing.T, random *rand.Rand) (*victim, network) {
	t.Helper()
	pbx, address := servePBX(t, "127.0.0.1:0", chaosTraffic(random))
	proxy, err := amitest.NewProxy(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	return newVictim(t, pbx, proxy.Addr()), func(on bool) {
		proxy.Drop(amitest.ToServer, !on)
		proxy.Drop(amitest.ToClient, !on)
		if on {
			proxy.Cut(true) // what was swallowed is missing in the stream
		}
	}
}

// newNamespace starts a daemon in a namespace of its own, which a pair of links joins to the PBX's.
func newNamespace(t *testing.T, random *rand.Rand) (*victim, network) {
	t.Helper()
	x, y := random.IntN(64), random.IntN(250) // rounds run at once, each in a network of its own: 100.64.0.0/10, RFC 6598
	link := fmt.Sprintf("pc%d%02x%02x", os.Getpid()%10000, x, y)
	subnet := fmt.Sprintf("100.%d.%d.", 64+x, y)
	v := &victim{t: t, dir: t.TempDir()}
	secret := filepath.Join(v.dir, "hq.secret")
	if err := os.WriteFile(secret, []byte(amitest.DefaultUser().Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	ip(t, "link", "add", link, "type", "veth", "peer", "name", link+"d")
	t.Cleanup(func() { exec.Command("ip", "link", "del", link).Run() }) // it goes with the namespace as well
	ip(t, "addr", "add", subnet+"1/24", "dev", link)
	ip(t, "link", "set", link, "up")
	pbx, address := servePBX(t, subnet+"1:0", chaosTraffic(random))
	v.pbx = pbx
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("unshare", "-n", "sh", "-c", `ip link set lo up && exec "$0" "$@"`, os.Args[0],
		"serve", "--listen", "127.0.0.1:0", "--data-dir", v.dir, "--pbx-name", "hq", "--pbx-address", address,
		"--pbx-username", amitest.DefaultUser().Name, "--pbx-secret-file", secret)
	v.process = startProcess(t, daemon, nil)
	// Until it has left our namespace its pid stands for ours, where the link would stay.
	waitFor(t, 20*time.Second, "the namespace", func() bool {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", daemon.Process.Pid))
		return err == nil && theirs != ours
	})
	ip(t, "link", "set", link+"d", "netns", strconv.Itoa(daemon.Process.Pid))
	inside := func(args ...string) {
		t.Helper()
		args = append([]string{"-t", strconv.Itoa(daemon.Process.Pid), "-n", "ip"}, args...)
		if out, err := exec.Command("nsenter", args...).CombinedOutput(); err != nil {
			t.Fatalf("nsenter %v: %v: %s", args, err, out)
		}
	}
	inside("addr", "add", subnet+"2/24", "dev", link+"d")
	inside("link", "set", link+"d", "up")
	waitFor(t, time.Minute, "the daemon to log in", func() bool { return pbx.Sessions() > 0 })
	v.met = time.Now()
	return v, func(on bool) { ip(t, "link", "set", link, map[bool]string{true: "up", false: "down"}[on]) }
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// TestChaosDisk fills the disk of a daemon on embedded storage, again and again. Frames wait in memory
// meanwhile, so no call may be other than it happened.
func TestChaosDisk(t *testing.T) {
	rounds(t, "disk", "disk filled", 50, func(t *testing.T, faults int, random *rand.Rand) tally {
		dir := t.TempDir()
		if err := syscall.Mount("chaos", dir, "tmpfs", 0, "size=96m"); err != nil {
			t.Skipf("no file system of limited size can be mounted here: %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		pbx, address := servePBX(t, "127.0.0.1:0", chaosTraffic(random))
		v := newVictimIn(t, dir, pbx, address)
		defer v.tellIfFailed()
		for range faults {
			time.Sleep(between(random, 500*time.Millisecond, 2*time.Second))
			ballast := filepath.Join(dir, "ballast")
			fill(t, ballast)
			time.Sleep(between(random, 200*time.Millisecond, 2*time.Second))
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
		truth := v.finish(openSQLite(t, v.dir))
		y := checkAgainstLedger(t, v.dir, truth)
		if y.gaps > 0 || y.right != y.calls {
			t.Errorf("%v; want all as they happened, and no gap", y)
		}
		return y
	})
}

// fill writes a file until there is no room for more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		err = nil
	}
}
