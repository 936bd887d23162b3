package calls

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// kind tells people's channels from those that only connect others.
type kind byte

const (
	plumbing kind = iota
	extension
	trunk
)

// plumbingTechs are the channel drivers of Asterisk behind which is nobody
// (Asterisk 16 to 22, core and applications).
var plumbingTechs = map[string]bool{
	"Local": true, "CBAnn": true, "CBRec": true, "Announcer": true, "Recorder": true, "Snoop": true,
	"Surrogate": true, "Message": true, "AsyncGoto": true, "Parking": true, "Bridge": true, "Playback": true,
	"ARI": true, "MulticastRTP": true, "UnicastRTP": true, "AudioSocket": true, "WebSocket": true, "NBS": true, "Test": true, "Null": true, "Feature": true,
}

// devices decides which channels are phones.
type devices struct {
	trunks, extensions []pattern
}

// A pattern is a glob over TECH/DEVICE, or a regular expression over the device
// that maps it to an extension by its first group.
type pattern struct {
	glob string
	re   *regexp.Regexp
}

func newDevices(trunks, extensions []string) (devices, error) {
	var d devices
	var err error
	if d.trunks, err = parsePatterns("trunks", trunks); err != nil {
		return d, err
	}
	d.extensions, err = parsePatterns("extensions", extensions)
	return d, err
}

func parsePatterns(key string, list []string) ([]pattern, error) {
	var out []pattern
	for i, s := range list {
		if strings.HasPrefix(s, "^") {
			re, err := regexp.Compile(s)
			if err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
			}
			out = append(out, pattern{re: re})
			continue
		}
		if _, err := path.Match(s, ""); err != nil || s == "" {
			return nil, fmt.Errorf("%s[%d]: %q is not a pattern", key, i, s)
		}
		out = append(out, pattern{glob: s})
	}
	return out, nil
}

// match reports whether the device fits, and which extension it stands for ("" unless mapped).
func (p pattern) match(tech, device string) (ext string, ok bool) {
	if p.re != nil {
		m := p.re.FindStringSubmatch(device)
		if m == nil {
			return "", false
		}
		if len(m) > 1 {
			return m[1], true
		}
		return digitsOrNone(device), true
	}
	name := tech + "/" + device
	if !strings.Contains(p.glob, "/") {
		name = device
	}
	ok, _ = path.Match(p.glob, name)
	return digitsOrNone(device), ok
}

func digitsOrNone(s string) string {
	if isDigits(s) {
		return s
	}
	return ""
}

// classify says what a channel is by its name. A device is the name between the
// first slash and the last dash.
func (d *devices) classify(name string) (k kind, ext string) {
	tech, device := splitChannel(name)
	if device == "" || plumbingTechs[tech] {
		return plumbing, ""
	}
	for _, p := range d.trunks {
		if _, ok := p.match(tech, device); ok {
			return trunk, ""
		}
	}
	for _, p := range d.extensions {
		if ext, ok := p.match(tech, device); ok {
			return extension, ext
		}
	}
	if isDigits(device) {
		return extension, device
	}
	return trunk, ""
}

func splitChannel(name string) (tech, device string) {
	tech, rest, _ := strings.Cut(name, "/")
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		rest = rest[:i]
	}
	return tech, rest
}

// deviceOf returns the extension that a dial string like PJSIP/1001 stands for.
func (d *devices) deviceOf(dialString string) string {
	if k, ext := d.classify(dialString + "-0"); k == extension && ext != "" {
		return ext
	}
	_, device := splitChannel(dialString + "-0")
	if exten, _, ok := strings.Cut(device, "@"); ok {
		return exten
	}
	return device
}

// localBase returns the name that both halves of a Local pair share, and whether it is the first half.
func localBase(name string) (base string, first, ok bool) {
	if !strings.HasPrefix(name, "Local/") {
		return "", false, false
	}
	if base, ok = strings.CutSuffix(name, ";1"); ok {
		return base, true, true
	}
	base, ok = strings.CutSuffix(name, ";2")
	return base, false, ok
}

// localExten returns EXT of Local/EXT@context-....
func localExten(name string) string {
	rest, ok := strings.CutPrefix(name, "Local/")
	if !ok {
		return ""
	}
	exten, _, _ := strings.Cut(rest, "@")
	return exten
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// dialable reports whether a dialplan position is something a person dials:
// digits, with a leading +, * or #, and no name of the dialplan's own (s, h, i, t, ds-BUSY).
func dialable(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '*', c == '#', c == '+' && i == 0:
		default:
			return false
		}
	}
	return true
}
