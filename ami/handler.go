package ami

// A Handler is told what a Session meets. All calls come from one goroutine, the
// one that reads, in the order in which things happened. They must not block: while
// one runs nothing is read, and Asterisk drops a session that it cannot write to for
// 100 ms. Push what is slow into a Ring.
type Handler interface {
	// OnFrame gets every event and every reply that came after the login, in wire
	// order, list items too. Replies to the session's own Ping and probes are left out.
	OnFrame(Frame)

	// OnState gets every change. The state is up only once the PBX is fully booted;
	// that call comes before the FullyBooted frame's.
	OnState(State)

	// OnTrouble gets what was lost or is doubtful.
	OnTrouble(Trouble)
}

// Funcs is a Handler of functions, any of which may be nil.
type Funcs struct {
	Frame   func(Frame)
	State   func(State)
	Trouble func(Trouble)
}

// OnFrame calls f.Frame.
func (f Funcs) OnFrame(x Frame) {
	if f.Frame != nil {
		f.Frame(x)
	}
}

// OnState calls f.State.
func (f Funcs) OnState(x State) {
	if f.State != nil {
		f.State(x)
	}
}

// OnTrouble calls f.Trouble.
func (f Funcs) OnTrouble(x Trouble) {
	if f.Trouble != nil {
		f.Trouble(x)
	}
}
