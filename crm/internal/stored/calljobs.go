package stored

import "patchcord/crm"

// WithJobs puts together what was read for each of the ids: the call that it stands for, and the jobs of its lane, in their order.
func WithJobs(ids []string, calls map[string]*crm.Call, jobs []crm.Job) []crm.CallWithJobs {
	of := make(map[string][]crm.Job, len(ids))
	for _, j := range jobs {
		of[j.Lane] = append(of[j.Lane], j)
	}
	found := make([]crm.CallWithJobs, len(ids))
	for i, id := range ids {
		id = Text(id)
		found[i] = crm.CallWithJobs{Call: calls[id], Jobs: of[id]}
	}
	return found
}
