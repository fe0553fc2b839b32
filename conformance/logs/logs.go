// Package logs holds what is read of a client's log, and what is made of it with the plan, against what the
// registries of a world recorded. The packages linux and windows take the logs, each of its clients.
package logs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/explain"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// A Log is what a client wrote of one pull, and what the registries saw of it.
type Log struct {
	Text     string
	Plan     resolve.Plan
	Requests []world.Request
	// Complete is set for a trace: every request has a line.
	Complete bool
	// Silent is set for a client whose trace has no line for a request that gets no answer while it fetches.
	Silent bool
}

// Counts are what was compared.
type Counts struct{ Logs, Attempts, Answers int }

// Compare says where what is read of a log is not what the registries saw.
func (l Log) Compare(n *Counts) error {
	read := clientlog.Read([]byte(l.Text))
	if err := l.compareRequests(read.Events); err != nil {
		return err
	}
	pulls := explain.Pulls(read)
	if len(pulls) > 1 {
		return fmt.Errorf("%d pulls are read of one", len(pulls))
	}
	var events []clientlog.Event
	for _, p := range pulls {
		events = p.Events
	}
	e := explain.Of(events, l.Plan)
	n.Logs++
	if e.Differs != nil || e.Contacted > 0 {
		return fmt.Errorf("the client does what the plan says, and %+v, contacted in line %d, is said", e.Differs,
			e.Contacted)
	}
	for _, o := range e.Others {
		if !o.Blob || l.planned(o.Location) {
			return fmt.Errorf("%s is said to be asked outside of the plan", o.Location)
		}
	}
	return l.compareAttempts(e, n)
}

// planned reports whether a location is one of the plan.
func (l Log) planned(location string) bool {
	return slices.ContainsFunc(slices.Concat(l.Plan.Resolve, l.Plan.Pull), func(a resolve.Attempt) bool {
		host, _, _ := strings.Cut(a.Location, "/")
		return a.Location == location || host == location
	})
}

// seen is what the registries saw of one attempt: the status of each request, 0 where there was no answer, by
// object.
type seen map[clientlog.Object][]int

// of returns what was seen of an attempt. A redirect is what the other host says to it, and a ping that
// failed the answer to what it was for.
func (l Log) of(a explain.Attempt) seen {
	all := seen{}
	tags := len(l.Plan.Resolve) > 0
	var last *int // the status that a redirect left open
	for _, r := range l.Requests {
		host, _, _ := strings.Cut(a.Location, "/")
		object, reference, _ := strings.Cut(r.Object(), "/")
		kind := clientlog.Object(strings.TrimSuffix(object, "s"))
		resolving := tags && kind == clientlog.Manifest && !strings.Contains(reference, ":")
		switch {
		case r.Host != host:
			if last != nil && !l.planned(r.Host) {
				*last, last = r.Status, nil
			}
		case r.Object() != "" && r.Location() == a.Location && resolving == a.Resolving:
			all[kind] = append(all[kind], r.Status)
			last = nil
			if r.Status == http.StatusTemporaryRedirect {
				last = &all[kind][len(all[kind])-1]
			}
		case r.Object() == "" && (r.Method == http.MethodConnect || r.Status >= 400 && r.Status != http.StatusUnauthorized):
			if !tags || !l.Complete { // what it was for is not seen
				all[""] = append(all[""], r.Status)
			}
		}
	}
	return all
}

func (s seen) any() bool { return len(s) > 0 }

// classes are those that a status may be told as. What gets no answer is told as it was seen from the other
// side: by a proxy a connection that it cannot make is a status of its own.
func classes(status int) []clientlog.Class {
	switch {
	case status == 0:
		return []clientlog.Class{clientlog.Refused, clientlog.Timeout, clientlog.ServerError}
	case status < 300:
		return []clientlog.Class{clientlog.Served}
	case status == http.StatusUnauthorized:
		return []clientlog.Class{clientlog.Unauthorized}
	case status == http.StatusForbidden:
		return []clientlog.Class{clientlog.Denied}
	case status == http.StatusNotFound:
		return []clientlog.Class{clientlog.NotFound}
	case status == http.StatusTooManyRequests:
		return []clientlog.Class{clientlog.TooMany}
	}
	return []clientlog.Class{clientlog.ServerError}
}

// told reports whether an answer is the last that was seen of its object.
func (s seen) told(a explain.Attempt) bool {
	for object, statuses := range s {
		if (object == "" || a.Object == "" || object == a.Object) &&
			slices.Contains(classes(statuses[len(statuses)-1]), a.Answer.Class) {
			return true
		}
	}
	return false
}

// failed reports whether the last request for anything failed.
func (s seen) failed() bool {
	for _, statuses := range s {
		if last := statuses[len(statuses)-1]; last == 0 || last >= 300 {
			return true
		}
	}
	return false
}

// unsure reports whether all that was seen are connections that came to nothing, which may have been for the tag or
// for what it stands for.
func (l Log) unsure(s seen) bool { return len(l.Plan.Resolve) > 0 && len(s) == 1 && len(s[""]) > 0 }

// silent reports whether the last request for anything got no answer.
func (s seen) silent() bool {
	for _, statuses := range s {
		if statuses[len(statuses)-1] == 0 {
			return true
		}
	}
	return false
}

func (l Log) compareAttempts(e *explain.Explanation, n *Counts) error {
	for _, a := range e.Attempts {
		saw := l.of(a)
		n.Attempts++
		switch {
		case a.Asked == explain.Yes && !saw.any():
			return fmt.Errorf("%s (resolving %t) is said to be asked (line %d), and it was not", a.Location, a.Resolving,
				a.Line)
		case a.Asked != explain.Yes && saw.any() && (l.Complete || a.Asked == explain.No && !l.unsure(saw)):
			return fmt.Errorf("%s (resolving %t) is said to be asked: %q, and it was: %v", a.Location, a.Resolving, a.Asked, saw)
		case a.Answer.Class == clientlog.None:
			if l.Complete && saw.failed() && !(l.Silent && !a.Resolving && saw.silent()) {
				return fmt.Errorf("no answer of %s (resolving %t) is said, and there was %v", a.Location, a.Resolving, saw)
			}
		case !saw.told(a):
			return fmt.Errorf("the answer of %s (resolving %t) is said to be %+v of the %s, and it was %v", a.Location,
				a.Resolving, a.Answer, a.Object, saw)
		default:
			n.Answers++
		}
	}
	return nil
}

// compareRequests holds the requests of a trace against those that were made, one by one: of containerd all
// of them, of containers-image those for blobs.
func (l Log) compareRequests(events []clientlog.Event) error {
	if !l.Complete {
		return nil
	}
	linux := l.Plan.Platform == finding.Linux
	var told, made []string
	for _, e := range events {
		if e.Kind == clientlog.Asks && e.Reference != "" && (!linux || e.Object == clientlog.Blob) {
			told = append(told, fmt.Sprintf("%s %s %s", e.Location, e.Object, e.Reference))
		}
	}
	for _, r := range l.Requests {
		object, reference, _ := strings.Cut(r.Object(), "/")
		kind := clientlog.Object(strings.TrimSuffix(object, "s"))
		if reference != "" && l.planned(r.Host) && (!linux || kind == clientlog.Blob) {
			made = append(made, fmt.Sprintf("%s %s %s", r.Location(), kind, reference))
		}
	}
	if !slices.Equal(told, made) {
		return fmt.Errorf("the requests are said to be\n%s\nand were\n%s", strings.Join(told, "\n"), strings.Join(made, "\n"))
	}
	return nil
}

// Wrapped says where a log is read in another way once it stands in what people have: a journal, JSON, the
// line ends of Windows, UTF-16.
func Wrapped(text string) error {
	want := clientlog.Read([]byte(text))
	lines := strings.SplitAfter(text, "\n")
	join := func(wrap func(line string) string) []byte {
		var b strings.Builder
		for _, line := range lines {
			if line = strings.TrimSuffix(line, "\n"); line != "" {
				line = wrap(line)
			}
			b.WriteString(line + "\r\n")
		}
		return []byte(b.String())
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(text)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	for name, wrapped := range map[string][]byte{
		"Windows": join(func(line string) string { return line }),
		"journal": join(func(line string) string { return "Nov 29 20:38:26 node-1.example.com crio[2211]: " + line }),
		"JSON": join(func(line string) string {
			b, _ := json.Marshal(map[string]string{"log": line, "stream": "stderr"})
			return string(b)
		}),
		"UTF-16": append([]byte{0xff, 0xfe}, wide...),
	} {
		if name == "JSON" && strings.Contains(text, "]\n[") {
			continue // one error in two lines is not written so
		}
		if got := clientlog.Read(wrapped); !reflect.DeepEqual(got.Events, want.Events) {
			return fmt.Errorf("in %s other events are read: %+v instead of %+v", name, got.Events, want.Events)
		}
	}
	return nil
}
