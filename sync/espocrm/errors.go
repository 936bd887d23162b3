package espocrm

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	crmsync "patchcord/sync"
)

// fault is what the body of a refusal says, when there is one (Espo\Core\Exceptions\Error\Body).
type fault struct {
	Label string `json:"label"`
	Data  struct {
		Field             string `json:"field"`
		Type              string `json:"type"`
		ForeignEntityType string `json:"foreignEntityType"`
	} `json:"data"`
}

func faultOf(a crmsync.Answer) fault {
	var b struct {
		Fault fault `json:"messageTranslation"`
	}
	_ = json.Unmarshal(a.Body, &b) // no JSON: no label
	return b.Fault
}

// owner and link are what a record may have to go without.
const (
	owner = "owner"
	link  = "link"
)

// labels is what a call may lose and be written all the same, by the label of the refusal (LinkCheck.php).
var labels = map[string]bool{
	"cannotRelateNonExisting": true, "cannotRelateForbidden": true, "cannotRelateForbiddenLink": true, "noLinkAccess": true, "noAccessToForeignRecord": true,
}

// about is the field or link that a reason names: "Field validation failure; entityType: Call, field: parent, type: valid." and
// "No foreign record access for link operation (Call:parent)." of LinkCheck.php. The first versions of 7 have no more than the
// reason: their Api/ErrorOutput.php writes a body for an Error and a Conflict only.
var about = regexp.MustCompile(`(?:\bfield: |\blink: |access to link |\(Call:)(\w+)`)

// drops returns what the refusal is about: the owner, the link to the contact, or "" for anything else.
func drops(a crmsync.Answer) string {
	if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
		return ""
	}
	f := faultOf(a)
	if m := about.FindStringSubmatch(reason(a)); m != nil && f.Data.Field == "" {
		f.Data.Field = m[1]
	}
	switch {
	case labels[f.Label] && f.Data.ForeignEntityType == "User", f.Data.Field == "assignedUser",
		strings.HasPrefix(reason(a), unassignable): // the role may not assign to others
		return owner
	case labels[f.Label], f.Data.Field == "parent", f.Data.Field == "contacts", f.Data.Field == "leads":
		return link
	}
	return ""
}

// unassignable begins the reason of a role that may not give a record to its user (Record/Service.php). One that may give
// them to its team only, and whose user is in none, may not even give one to itself (Acl/AssignmentChecker/Helper.php).
const unassignable = "Assignment failure"

func reason(a crmsync.Answer) string { return a.Header.Get("X-Status-Reason") }

// forEveryRecord are the beginnings of reasons that are about the role or the connection, not about a record.
var forEveryRecord = []string{unassignable, "No create access", "No read access", "No edit access", "Max failed login", "Not allowed", "Forbidden attribute"}

// refusal says what a status of 300 and more means. What the X-Status-Reason and the label say names fields and entity
// types, never a value. A bare 500 is what a write gets for a violated index of the database as well as for a failure after
// it was stored: only a look-up can tell (Espo\Core\Api\ErrorOutput).
func refusal(a crmsync.Answer, reads bool) *crmsync.PushError {
	f := faultOf(a)
	detail := strings.TrimSpace(f.Label + " " + f.Data.Field + " " + f.Data.Type)
	p := a.Refusal(reads, cmp.Or(detail, reason(a)))
	everyRecord := reads
	for _, s := range forEveryRecord {
		everyRecord = everyRecord || strings.HasPrefix(reason(a), s)
	}
	switch {
	case reads && strings.HasPrefix(reason(a), "Not existing attribute"): // Select/Where/Checker.php
		return p.SetUp("is key_field right? In the Entity Manager make a field of type Varchar on Call; its attribute has a c before the name")
	case a.Status == http.StatusForbidden && everyRecord, reads && a.Status == http.StatusBadRequest:
		return p.SetUp("") // a person must change a role, or the setting of a field
	case a.Status == http.StatusNotFound && reads:
		return p.SetUp("is the address right, and does its web server hand everything below /api/v1 to EspoCRM?")
	case a.Status == http.StatusMethodNotAllowed:
		return p.SetUp("its web server must let PUT through")
	case a.Status == http.StatusNotFound && !reads: // deleted since it was found
		p.Class = crmsync.Transient
	}
	return p
}
