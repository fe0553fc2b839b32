// Package homedir has the names that an old containers/image needs to compile, and nothing
// behind them: see the replace directive in conformance/go.mod.
package homedir

func Get() string { panic("not to be called") }

func GetCacheHome() (string, error) { panic("not to be called") }
