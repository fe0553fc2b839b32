package world

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// RoundTrip answers a request of a client in process, without any socket. Its errors are those
// that a real transport returns: clients decide by their types whether to go on.
func (w *World) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	a, err := w.answer(r.URL.Scheme, host, r)
	switch {
	case errors.Is(err, errRefused):
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case errors.Is(err, errNotTLS):
		return nil, tls.RecordHeaderError{
			Msg:          "first record does not look like a TLS handshake",
			RecordHeader: [5]byte([]byte("HTTP/")),
		}
	case errors.Is(err, errHangs):
		return nil, w.wait(r.Context())
	case err != nil:
		return nil, err
	}
	response := &http.Response{
		StatusCode:    a.status,
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		ContentLength: int64(len(a.body)),
		Body:          http.NoBody,
		Request:       r,
	}
	if r.Method != http.MethodHead {
		response.Body = io.NopCloser(bytes.NewReader(a.body))
	}
	return response, nil
}

func (w *World) wait(ctx context.Context) error {
	if w.Patience > 0 {
		timer := time.NewTimer(w.Patience)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	return &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
}
