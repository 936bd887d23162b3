package calls

import "fmt"

// A Classifier tells phones from trunks by the names of channels, as a Tracker does.
type Classifier struct{ dev devices }

// NewClassifier takes the Trunks and Extensions of a Config.
func NewClassifier(cfg Config) (*Classifier, error) {
	dev, err := newDevices(cfg.Trunks, cfg.Extensions)
	if err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	return &Classifier{dev: dev}, nil
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
