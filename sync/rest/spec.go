package rest

// Spec is what an administrator says about a system. A path in an answer is names and numbers with dots between, and "*" for
// every element: data.0.id, phones.*.value; "" is the whole answer.
type Spec struct {
	Auth       string            `yaml:"auth"`        // "bearer" (default), "basic", "header" or "oauth2"
	AuthHeader string            `yaml:"auth_header"` // that the secret stands in, of "header"
	TokenURL   string            `yaml:"token_url"`   // of "oauth2", by client credentials
	Scope      string            `yaml:"scope"`
	Headers    map[string]string `yaml:"headers"` // of every request
	Times      string            `yaml:"times"`   // "rfc3339" (default), "unix", "unix_ms" or "sql": 2026-11-22 01:02:03 in UTC

	Find   *Call `yaml:"find"`   // the activity with a key, at most ten seconds after it was created
	Create *Call `yaml:"create"` // and Update; or Upsert alone, where the key in the request decides
	Update *Call `yaml:"update"`
	Upsert *Call `yaml:"upsert"`

	Answers []Rule                       `yaml:"answers"` // what answers mean; the first that matches counts
	Merged  map[string]string            `yaml:"merged"`  // as fields, of an activity whose call became part of another
	Links   map[string]map[string]string `yaml:"links"`   // as fields, by kind of contact
	Types   map[string]string            `yaml:"types"`   // by field: "int", "bool" or "html"
	Limits  map[string]int               `yaml:"limits"`  // by field: characters

	Contacts   []Contacts  `yaml:"contacts"`
	Activities *Activities `yaml:"activities"` // for the daily comparison; without it there is none
}

// Call is a request about one activity. In Path and Body stand the fields and {key}, {id}, {owner}, {contact}, {contact_object}; each
// is escaped for where it stands.
type Call struct {
	Method string `yaml:"method"` // default: GET to find, POST to create, PATCH to update, PUT to upsert
	Path   string `yaml:"path"`   // after the address
	Format string `yaml:"format"` // of the body: "json" (default), "form", "xml" or "text"
	Inside string `yaml:"inside"` // path of the object that the fields are put in, of "json"
	Body   string `yaml:"body"`   // the whole body; default all fields

	Items string `yaml:"items"` // of Find: path of the activities in the answer
	ID    string `yaml:"id"`    // of Find: path of the id in one; default "id"
	Key   string `yaml:"key"`   // of Find: path of the key in one, when the search may bring others
}

// Rule says what an answer means. Without a rule the status decides.
type Rule struct {
	Status string   `yaml:"status"` // "409", "5xx"; default any
	Path   string   `yaml:"path"`   // with Is: what must stand there in the answer
	Is     string   `yaml:"is"`     // "*limit*" is a part of it
	Class  string   `yaml:"class"`  // "ok", "throttle", "transient", "ambiguous", "auth" or "permanent"
	After  string   `yaml:"after"`  // "30s": no attempt earlier
	Reason string   `yaml:"reason"` // shown to people
	Drop   []string `yaml:"drop"`   // fields that are left out, and the request is made once more
}

// List is a request for many records, page by page. In Path stand {since}, {from} and {until} as the list has them, and {page},
// {offset}, {cursor}, {size}.
type List struct {
	Path  string `yaml:"path"`
	Items string `yaml:"items"` // path of the records in the answer
	By    string `yaml:"by"`    // "page", "offset", "cursor" or "next"; default: everything is in one answer
	Next  string `yaml:"next"`  // of "cursor" its path in the answer, of "next" that of the next page's address
	First *int   `yaml:"first"` // of "page": number of the first; default 1
	Size  int    `yaml:"size"`  // records on a page; fewer mean the last one. Default 100
}

// Contacts is how one kind of contact is read. With {since} in the list's path only changes are read after the first time.
type Contacts struct {
	Object  string   `yaml:"object"` // our name for the kind, as in Links
	List    List     `yaml:"list"`
	ID      string   `yaml:"id"`      // paths in a record; default "id"
	Name    []string `yaml:"name"`    // joined by spaces
	Numbers []string `yaml:"numbers"` // of each, every value that there is
	Company string   `yaml:"company"`
	Email   string   `yaml:"email"`
	Gone    string   `yaml:"gone"` // a value there that is not false, 0 or empty says that it was deleted or merged
	Page    string   `yaml:"page"` // address of its page, with {id}

	Existing *Existing `yaml:"existing"` // asks which are still there, where deletions are not told
}

// Existing is a request for records by {ids}, with commas between.
type Existing struct {
	Path  string `yaml:"path"`
	Items string `yaml:"items"`
	ID    string `yaml:"id"`
	Size  int    `yaml:"size"` // ids in one; default 50
}

// Activities is how activities are listed of calls that began in {from} to {until}.
type Activities struct {
	List    List              `yaml:"list"`
	ID      string            `yaml:"id"`
	Key     string            `yaml:"key"`
	Compare map[string]string `yaml:"compare"` // path in a record by field
}
