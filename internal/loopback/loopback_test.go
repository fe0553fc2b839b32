package loopback_test

import (
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/loopback"
)

func TestAnAddressRefusesIsNobodyElsesAndCanBeListenedAt(t *testing.T) {
	held := map[string]bool{}
	for range 100 {
		address := loopback.Address(t)
		require.False(t, held[address], address)
		held[address] = true
		_, err := net.Dial("tcp", address)
		require.Error(t, err)
	}
	for range 2000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.False(t, held[l.Addr().String()], l.Addr())
		require.NoError(t, l.Close())
	}
	to, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer to.Close()
	for range 1000 {
		c, err := net.Dial("tcp", to.Addr().String())
		require.NoError(t, err)
		require.False(t, held[c.LocalAddr().String()], c.LocalAddr())
		defer c.Close()
	}
	if runtime.GOOS == "windows" {
		return
	}
	for address := range held {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}
