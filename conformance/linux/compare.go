package linux

import "testing"

// Compare holds plans and files against the version of containers-image that the module of the test
// links.
func Compare(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"the plan is what the client would do", thePlanIsWhatTheClientWouldDo},
		{"an edited base file is read as planned", anEditedBaseFileIsReadAsPlanned},
		{"a base entry that leads elsewhere is blocked for its prefix", aBaseEntryThatLeadsElsewhereIsBlockedForItsPrefix},
		{"a file of version 1 is read as this client reads it", aFileOfVersion1IsReadAsThisClientReadsIt},
		{"an image that the client refuses has no plan", anImageThatTheClientRefusesHasNoPlan},
		{"a search registry may be none to the client", aSearchRegistryMayBeNoneToTheClient},
		{"a counterexample is what the client does", aCounterexampleIsWhatTheClientDoes},
		{"a pull goes where the plan says", aPullGoesWhereThePlanSays},
		{"no contact is unsaid", noContactIsUnsaid},
		{"the namespace is sent as planned", theNamespaceIsSentAsPlanned},
		{"never means never with every mirror failing", neverMeansNeverWithEveryMirrorFailing},
		{"never means never when mirrors lost their blobs", neverMeansNeverWhenMirrorsLostTheirBlobs},
		{"a failing location is left as the plan says", aFailingLocationIsLeftAsThePlanSays},
		{"a log says what the registries saw", aLogSaysWhatTheRegistriesSaw},
		{"a log says what the network does", aLogSaysWhatTheNetworkDoes},
		{"a failover waits for a location that never answers", aFailoverWaitsForALocationThatNeverAnswers},
		{"never means never while a mirror hangs", neverMeansNeverWhileAMirrorHangs},
		{"an insecure scope reaches a registry without TLS", anInsecureScopeReachesARegistryWithoutTLS},
	} {
		t.Run(test.name, test.run)
	}
}
