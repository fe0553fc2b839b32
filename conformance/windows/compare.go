package windows

import (
	"testing"

	"github.com/pullroute/pullroute/conformance/clients"
)

// Compare holds plans and files against versions of containerd.
func Compare(t *testing.T, versions ...clients.Containerd) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, versions []clients.Containerd)
	}{
		{"containerd asks what the plan says", containerdAsksWhatThePlanSays},
		{"a failing location is left as the plan says", aFailingLocationIsLeftAsThePlanSays},
		{"a log says what the registries saw", aLogSaysWhatTheRegistriesSaw},
		{"a log says what the network does", aLogSaysWhatTheNetworkDoes},
		{"an exact mirror is asked where Linux asks it", anExactMirrorIsAskedWhereLinuxAsksIt},
		{"containerd asks what the plan of a foreign tree says", containerdAsksWhatThePlanOfAForeignTreeSays},
		{"a counterexample is what containerd does", aCounterexampleIsWhatContainerdDoes},
		{"a foreign tree that asks the source says so", aForeignTreeThatAsksTheSourceSaysSo},
		{"no contact is unsaid", noContactIsUnsaid},
		{"NeverContactSource means never", neverContactSourceMeansNever},
		{"no version ignores a file of a tree", noVersionIgnoresAFileOfATree},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, versions) })
	}
}
