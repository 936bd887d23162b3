package backfill

import (
	"encoding/json"
	"strconv"
	"strings"
)

// extra is what the JSON in a row's last column may say (Asterisk main/cel.c).
type extra struct {
	Bridge      string `json:"bridge_id"`
	Technology  string `json:"bridge_technology"`
	HangupCause number `json:"hangupcause"`
	HangupBy    string `json:"hangupsource"`
	DialStatus  string `json:"dialstatus"`

	Extension  string `json:"extension"` // of a blind transfer
	Transferee string `json:"transferee_channel_uniqueid"`
	SecondLine string `json:"channel2_uniqueid"` // of an attended one
	Second     string `json:"bridge2_id"`
	Target     string `json:"transfer_target_channel_uniqueid"`
	App        string `json:"app"` // that the second line was in

	Parker    string `json:"parker_dial_string"`
	Reason    string `json:"reason"`
	Retriever string `json:"retriever"` // name of a channel
	Picker    string `json:"pickup_channel_uniqueid"`
	Forward   string `json:"forward"`
	LocalTwo  string `json:"local_two_uniqueid"`
}

// number is an integer that may be written as a text.
type number int

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err == nil {
		*n = number(v)
	}
	return nil // what is no number says nothing
}

// extraOf returns what the row's extra says; nothing when there is none.
func extraOf(r *CEL) extra {
	var e extra
	if strings.HasPrefix(r.Extra, "{") {
		_ = json.Unmarshal([]byte(r.Extra), &e) // what cannot be read says nothing
	}
	return e
}
