package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// userInfo is what the server tells us of ourselves.
type userInfo struct {
	Server struct {
		Time time.Time `json:"time"`
	} `json:"server"`
	Data struct {
		User        string `json:"user"`
		Account     string `json:"account"`
		Permissions *struct {
			Publish   rule `json:"publish"`
			Subscribe rule `json:"subscribe"`
		} `json:"permissions"`
	} `json:"data"`
}

// whoAmI asks the server, and returns the middle of the time that it took.
func (e *examination) whoAmI(ctx context.Context) (info userInfo, at time.Time, err error) {
	var before time.Time
	err = e.try(ctx, "$SYS.", func(ctx context.Context) error {
		before = e.now()
		msg, err := e.nc.RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
		if err != nil {
			return err
		}
		return json.Unmarshal(msg.Data, &info)
	})
	return info, before.Add(e.now().Sub(before) / 2), err
}

// permissions checks that the user may do what one of the roles does.
func (e *examination) permissions(info userInfo, err error) {
	if err != nil {
		e.warn(CheckPermission, "", "the broker does not tell what this user may do: "+oneLine(err),
			"allow the user to publish to $SYS.REQ.USER.INFO and to subscribe to its inbox")
		return
	}
	p := info.Data.Permissions
	if p == nil {
		e.ok(CheckPermission, "", "this user may publish and subscribe to anything in account %s", info.Data.Account)
		return
	}
	fewest, filled := -1, false
	lack := make([][]string, len(roles))
	for i, role := range roles {
		lack[i] = append(lacking("publish to", p.Publish, e.of(role.publish)), lacking("subscribe to", p.Subscribe, e.of(role.subscribe))...)
		filled = filled || len(lack[i]) == 0
		if fewest < 0 || len(lack[i]) < len(lack[fewest]) {
			fewest = i
		}
	}
	for i, role := range roles {
		saw := fmt.Sprintf("this user, %s, may not %s", info.Data.User, strings.Join(lack[i], ", nor "))
		const mend = "add the subjects to the user's permissions in the broker's configuration"
		switch {
		case len(lack[i]) == 0:
			e.ok(CheckPermission, role.name, "this user may do what a %s does", role.name)
		case !filled && i == fewest:
			e.problem(CheckPermission, role.name, saw, mend)
		case !filled:
			e.warn(CheckPermission, role.name, saw, mend)
		default:
			e.ok(CheckPermission, role.name, "%s: it is no %s", saw, role.name)
		}
	}
}

// of fills in the queue.
func (e *examination) of(subjects []string) []string {
	queue := e.Queue
	if queue == "" {
		queue = defaultQueue
	}
	filled := make([]string, len(subjects))
	for i, subject := range subjects {
		filled[i] = strings.ReplaceAll(subject, "QUEUE", queue)
	}
	return filled
}

func lacking(verb string, r rule, subjects []string) (all []string) {
	for _, subject := range subjects {
		if !r.allows(subject) {
			all = append(all, verb+" "+subject)
			verb = ""
		}
	}
	for i, s := range all {
		all[i] = strings.TrimSpace(s)
	}
	return all
}

func oneLine(err error) string { return oneLineOf(err.Error()) }
