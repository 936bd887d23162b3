package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// maxInstance is the highest instance whose ports stay clear of the media ports
// of the others and of the system's ephemeral range.
const maxInstance = 4

var errNoInstance = errors.New("every lab instance is in use")

// A claim reserves one instance number for this process. It is a listening
// socket on the port below the instance's AMI port, so that the system lets go
// of it however the process ends.
type claim struct {
	number int
	socket net.Listener
}

func amiPort(n int) int { return 5038 + 10*n }

// claimInstance reserves instance want, or with 0 the first free one of 1 to
// [maxInstance]; 0 itself is left to people.
func claimInstance(cache string, want int) (claim, error) {
	if want != 0 {
		return claimOne(cache, want)
	}
	var problems []error
	for n := 1; n <= maxInstance; n++ {
		c, err := claimOne(cache, n)
		if err == nil {
			return c, nil
		}
		problems = append(problems, err)
	}
	return claim{}, fmt.Errorf("%w: %w", errNoInstance, errors.Join(problems...))
}

func claimOne(cache string, n int) (claim, error) {
	socket, err := net.Listen("tcp", address(amiPort(n)-1))
	if err != nil {
		return claim{}, fmt.Errorf("claim lab instance %d: %w", n, err)
	}
	if listening(amiPort(n)) && !leftBehind(cache, n) {
		socket.Close()
		return claim{}, fmt.Errorf("claim lab instance %d: port %d answers", n, amiPort(n))
	}
	return claim{number: n, socket: socket}, nil
}

func (c claim) release() { c.socket.Close() }

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func listening(port int) bool {
	conn, err := net.Dial("tcp", address(port))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// markPath names the file that says a test started instance n.
func markPath(cache string, n int) string {
	return filepath.Join(cache, "state", strconv.Itoa(n), "started-by-test")
}

// leftBehind tells that what runs as instance n was started by a test. Called
// with the claim in hand it means that the test is gone and the server may be
// stopped.
func leftBehind(cache string, n int) bool {
	_, err := os.Stat(markPath(cache, n))
	return err == nil
}

func mark(cache string, n int) error {
	path := markPath(cache, n)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

func instanceArg(n int) []string { return []string{"--instance", strconv.Itoa(n)} }
