package calls

import (
	"fmt"

	"patchcord/crm"
)

// A Classifier tells phones from trunks by the names of channels, and normalises numbers,
// as a Tracker does.
type Classifier struct {
	dev  devices
	dial dialling
}

// NewClassifier takes the Trunks and Extensions of a Config, and what it says of numbers.
func NewClassifier(cfg Config) (*Classifier, error) {
	dev, err := newDevices(cfg.Trunks, cfg.Extensions)
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	dial, err := newDialling(cfg)
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	return &Classifier{dev: dev, dial: dial}, nil
}

// Caller returns the E.164 form of the number of who called by the trunk's channel; "" when it has none.
func (c *Classifier) Caller(channel, number string) crm.Number { return c.dial.caller(channel, number) }

// Called returns that of a number that was called; outside says that it was dialled for a
// line to the outside.
func (c *Classifier) Called(number string, outside bool) crm.Number {
	if outside {
		return c.dial.called(number)
	}
	return c.dial.other(number)
}

// Extension returns the number of the phone whose channel it is; ok is false for a
// trunk and for channels behind which is nobody.
func (c *Classifier) Extension(channel string) (number string, ok bool) {
	k, ext := c.dev.classify(channel)
	if k == extension && ext == "" {
		_, ext = splitChannel(channel)
	}
	return ext, k == extension
}

// Trunk reports whether the channel is one to the outside.
func (c *Classifier) Trunk(channel string) bool {
	k, _ := c.dev.classify(channel)
	return k == trunk
}
