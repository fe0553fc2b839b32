package clientlog

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/pattern"
)

// message is a text of a client, with the fields that the line has beside it.
type message struct {
	text   string
	fields map[string]string
}

// depth is how many envelopes may stand in one another: an event in JSON, with the line of a journal in it,
// with an error in that.
const depth = 4

var (
	// journal matches what journalctl puts before a message: a time, the host, the program and its number.
	journal = pattern.New(`^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|` +
		`\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d)) \S+ [\w.@/-]+(?:\[\d+\])?: `)
	// container matches what a container runtime puts before a line of a container's output.
	container = pattern.New(`^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] `)
	// klog matches the header of the kubelet's text format (klog, internal/buffer): level, day, time, thread, place.
	klog = pattern.New(`^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] `)
)

// withoutPrefix takes off what the journal, or a container runtime, puts before a line.
func withoutPrefix(line string) string {
	for _, p := range []pattern.Pattern{journal, container} {
		if rest, ok := p.CutPrefix(line); ok {
			return rest
		}
	}
	return line
}

// messages returns the messages of a line: of a line of JSON one for each text in it that is a sentence.
func messages(line string) []message {
	return unwrap(nil, strings.TrimSpace(line), depth)
}

// unwrap appends the messages of a text.
func unwrap(all []message, text string, levels int) []message {
	text = withoutPrefix(text)
	if rest, ok := klog.CutPrefix(text); ok {
		return sentences(all, klogFields(rest), levels)
	}
	if levels > 0 && strings.HasPrefix(text, "{") {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) == nil {
			return ofJSON(all, object, levels)
		}
	}
	if strings.Contains(text, "msg=") && strings.Contains(text, "level=") {
		if fields := logfmt(text); fields["msg"] != "" {
			return sentences(all, fields, levels)
		}
	}
	if strings.Contains(text, `\"`) {
		text = unescape(text)
	}
	return append(all, message{text: text})
}

// sentences appends the message of a line with fields, and one for the error that stands beside it.
func sentences(all []message, fields map[string]string, levels int) []message {
	all = append(all, message{fields["msg"], fields})
	for _, key := range []string{"err", "error", "message", "MESSAGE", "log", "note", "reason"} {
		if text := fields[key]; strings.ContainsAny(text, " ") {
			if levels > 0 {
				all = unwrap(all, text, levels-1)
			} else {
				all = append(all, message{text: text})
			}
		}
	}
	return all
}

// ofJSON appends the messages of an object: as fields where it is a line of a log, else those of all texts
// in it.
func ofJSON(all []message, object map[string]any, levels int) []message {
	fields := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch v := object[key].(type) {
		case string:
			fields[key] = v
		case map[string]any:
			if levels > 1 {
				all = ofJSON(all, v, levels-1)
			}
		case []any:
			for _, item := range v {
				if o, ok := item.(map[string]any); ok && levels > 1 {
					all = ofJSON(all, o, levels-1)
				}
			}
		}
	}
	if len(fields) == 0 {
		return all
	}
	return sentences(all, fields, levels)
}

// logfmt returns the fields of a line of logrus (TextFormatter): KEY=WORD or KEY="a text that Go quotes".
func logfmt(line string) map[string]string {
	fields := map[string]string{}
	for line != "" {
		key, rest, ok := strings.Cut(line, "=")
		if !ok {
			break
		}
		key = key[strings.LastIndexByte(key, ' ')+1:]
		fields[key], line = value(rest)
	}
	return fields
}

// klogFields returns the fields of a line of klog behind its header: "message" KEY="value" KEY=<
// followed by lines, or a message as it is.
func klogFields(text string) map[string]string {
	fields := map[string]string{}
	if !strings.HasPrefix(text, `"`) {
		fields["msg"] = text
		if strings.Contains(text, `\"`) {
			fields["msg"] = unescape(text)
		}
		return fields
	}
	fields["msg"], text = value(text)
	for text != "" {
		key, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		key = key[strings.LastIndexAny(key, " \n")+1:]
		if block, ok := strings.CutPrefix(rest, "<\n"); ok {
			fields[key], text, _ = strings.Cut(block, "\n >")
			continue
		}
		fields[key], text = value(rest)
	}
	return fields
}

// value returns the value that a text begins with, a word or a quoted text, and what follows it.
func value(text string) (v, rest string) {
	if !strings.HasPrefix(text, `"`) {
		v, rest, _ = strings.Cut(text, " ")
		return v, rest
	}
	end := 1
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(text) {
		return unescape(text[1:]), "" // cut short
	}
	v, err := strconv.Unquote(text[:end+1])
	if err != nil {
		v = unescape(text[1:end])
	}
	return v, text[end+1:]
}

// unescape takes escapes off a text that stood in quotes, however many quotes it stood in: a run of
// backslashes before ", n, r, t or / is one escape.
func unescape(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		end := i
		for end < len(text) && text[end] == '\\' {
			end++
		}
		switch {
		case end == len(text):
			b.WriteString(text[i:end])
		case text[end] == '"', text[end] == '/':
			b.WriteByte(text[end])
			end++
		case text[end] == 'n', text[end] == 'r':
			b.WriteByte('\n')
			end++
		case text[end] == 't':
			b.WriteByte('\t')
			end++
		default:
			b.WriteByte('\\')
		}
		i = end - 1
	}
	return b.String()
}
