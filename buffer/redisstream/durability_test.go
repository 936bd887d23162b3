package redisstream

import "testing"

func TestServersThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		server  server
		refused bool
	}{
		"a master":                           {server{version: "7.0.15", policy: "noeviction"}, false},
		"Valkey":                             {server{version: "7.2.4", policy: "noeviction"}, false},
		"one that evicts what has an expiry": {server{version: "8.0.1", policy: "volatile-lru"}, false},
		"one that tells no version":          {server{}, false},
		"one that evicts anything":           {server{version: "7.4.0", policy: "allkeys-lfu"}, true},
		"a replica":                          {server{version: "7.4.0", isReplica: true}, true},
		"an old one":                         {server{version: "6.2.14", policy: "noeviction"}, true},
	} {
		if err := tt.server.refuse(); (err != nil) != tt.refused {
			t.Errorf("%s: %v, want refused %v", name, err, tt.refused)
		}
	}
}
