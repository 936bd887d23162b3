package amitest

// Small events that Asterisk's dialplan and channels send beside the great ones.

func (x *exchange) connectedLine(ch *channel) {
	if !x.traffic.Lean {
		x.on(ch, "NewConnectedLine", CallClass)
	}
}

func (x *exchange) newCallerid(ch *channel) {
	if !x.traffic.Lean {
		x.on(ch, "NewCallerid", CallClass, "CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
	}
}

// newexten runs an application on a channel.
func (x *exchange) newexten(ch *channel, app, data string) {
	ch.app, ch.data = app, data
	if !x.traffic.Lean {
		x.on(ch, "Newexten", Dialplan, "Extension", ch.exten, "Application", app, "AppData", data)
	}
}

func (x *exchange) varset(ch *channel, name, value string) {
	if !x.traffic.Lean {
		x.on(ch, "VarSet", Dialplan, "Variable", name, "Value", value)
	}
}

// noise sends so many VarSet as Asterisk 22 does at this place, times Noise.
func (x *exchange) noise(ch *channel, n int) {
	if x.traffic.Noise <= 0 || ch.gone() {
		return
	}
	names := [...]string{
		"RTPAUDIOQOS", "RTPAUDIOQOSJITTER", "RTPAUDIOQOSLOSS", "RTPAUDIOQOSRTT", "BRIDGEPEER", "DIALEDTIME",
		"DIALEDTIME_MS", "ANSWEREDTIME", "ANSWEREDTIME_MS", "QUEUECALLS", "QUEUEHOLDTIME", "QUEUECOMPLETED",
	}
	for i := range int(float64(n)*x.traffic.Noise + x.rng.Float64()) {
		x.varset(ch, names[i%len(names)], "")
	}
}

func (x *exchange) music(ch *channel, on bool) {
	switch {
	case x.traffic.Lean:
	case on:
		x.on(ch, "MusicOnHoldStart", CallClass, "Class", "default")
	default:
		x.on(ch, "MusicOnHoldStop", CallClass)
	}
}
