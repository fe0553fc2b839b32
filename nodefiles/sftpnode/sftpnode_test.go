package sftpnode_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/loopback"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/nodefiles/sftpnode"
	"github.com/pullroute/pullroute/registriesconf"
)

// servers are the two that are tried. pkg/sftp's own has no fsync.
var servers = map[string]func(t *testing.T) *sftp.Client{"pkg/sftp": ownServer, "OpenSSH": openSSH}

// ownServer is the server of github.com/pkg/sftp, on loopback.
func ownServer(t *testing.T) *sftp.Client {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if server, err := sftp.NewServer(c); err == nil {
			server.Serve()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	client, err := sftp.NewClientPipe(c, c)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close(); c.Close() })
	return client
}

// openSSH is Debian's sshd, on loopback, with keys of its own.
func openSSH(t *testing.T) *sftp.Client {
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	require.NoError(t, err, "apt-get install openssh-server")
	dir := t.TempDir()
	host, user := newKey(t, filepath.Join(dir, "host")), newKey(t, filepath.Join(dir, "user"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(user.PublicKey()), 0o600))
	address := loopback.Address(t)
	config := filepath.Join(dir, "sshd_config")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "ListenAddress %s\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\n"+
		"PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n", address, dir, dir), 0o600))
	if os.Geteuid() == 0 {
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // where it separates privileges
	}
	var output bytes.Buffer
	daemon := exec.Command(sshd, "-D", "-e", "-f", config)
	daemon.Stderr = &output
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, daemon.Start())
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	var connection *ssh.Client
	require.Eventually(t, func() bool {
		connection, err = ssh.Dial("tcp", address, &ssh.ClientConfig{
			User: userName(t), Auth: []ssh.AuthMethod{ssh.PublicKeys(user)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
		})
		return err == nil
	}, 20*time.Second, 50*time.Millisecond, "no connection to sshd")
	t.Cleanup(func() { connection.Close() })
	client, err := sftp.NewClient(connection)
	require.NoError(t, err, output.String())
	t.Cleanup(func() { client.Close() })
	return client
}

func userName(t *testing.T) string {
	out, err := exec.Command("id", "-un").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func newKey(t *testing.T, path string) ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return signer
}

func eachServer(t *testing.T, test func(t *testing.T, client *sftp.Client, dir string)) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, start(t), t.TempDir()) })
	}
}

func TestEachCallDoesWhatATransportDoes(t *testing.T) {
	eachServer(t, func(t *testing.T, client *sftp.Client, dir string) {
		node, err := sftpnode.Open(client, dir)
		require.NoError(t, err)
		ctx := t.Context()
		require.NoError(t, node.Mkdir(ctx, "quay.io"))
		require.Error(t, node.Mkdir(ctx, "quay.io"))
		require.NoError(t, node.WriteFile(ctx, "quay.io/secret", bytes.Repeat([]byte("x"), 100_000), 0o600))
		require.Error(t, node.WriteFile(ctx, "quay.io/secret", nil, 0o600), "it exists")
		require.NoError(t, node.WriteFile(ctx, "quay.io/new", []byte("new"), 0o644))
		require.NoError(t, node.Sync(ctx, "quay.io"))
		require.NoError(t, node.Sync(ctx, "."))
		require.ErrorIs(t, sftpErr(node.ReadFile(ctx, "none")), fs.ErrNotExist)
		require.ErrorIs(t, node.Remove(ctx, "none"), fs.ErrNotExist)
		require.ErrorIs(t, node.Rename(ctx, "none", "other"), fs.ErrNotExist)
		_, err = node.List(ctx, "none")
		require.ErrorIs(t, err, fs.ErrNotExist)

		data, err := node.ReadFile(ctx, "quay.io/secret")
		require.NoError(t, err)
		require.Len(t, data, 100_000)
		info, err := os.Stat(filepath.Join(dir, "quay.io", "secret"))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

		require.NoError(t, node.Rename(ctx, "quay.io/new", "quay.io/secret"), "it replaces")
		data, err = os.ReadFile(filepath.Join(dir, "quay.io", "secret"))
		require.NoError(t, err)
		require.Equal(t, "new", string(data))
		require.NoError(t, os.Symlink("secret", filepath.Join(dir, "quay.io", "link")))
		entries, err := node.List(ctx, "quay.io")
		require.NoError(t, err)
		slices.SortFunc(entries, func(a, b nodefiles.DirEntry) int { return strings.Compare(a.Name, b.Name) })
		require.Len(t, entries, 2)
		require.Equal(t, "secret", entries[0].Target)
		require.Equal(t, fs.ModeSymlink, entries[0].Mode.Type())
		require.Equal(t, fs.FileMode(0o644), entries[1].Mode)
		require.Error(t, node.Remove(ctx, "quay.io"), "it is not empty")
		require.NoError(t, node.Remove(ctx, "quay.io/link"))
		require.NoError(t, node.Remove(ctx, "quay.io/secret"))
		require.NoError(t, node.Remove(ctx, "quay.io"))
		require.NoFileExists(t, filepath.Join(dir, "quay.io"))
		_, err = sftpnode.Open(client, filepath.Join(dir, "none"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func sftpErr(_ []byte, err error) error { return err }

// The files of both formats, brought over SFTP, changed, and taken away, are those that a local directory gets.
func TestFilesAreBroughtToANode(t *testing.T) {
	versions := []string{
		"- {source: quay.io/team, mirrors: [m.corp/team], mirrorSourcePolicy: NeverContactSource}\n  - {source: gone.io, mirrors: [m.corp]}",
		"- {source: quay.io/team, mirrors: [n.corp/team, m.corp/team]}\n  - {source: new.io:5000, mirrors: [m.corp]}", "",
	}
	eachServer(t, func(t *testing.T, client *sftp.Client, dir string) {
		local := t.TempDir()
		there, err := sftpnode.Open(client, dir)
		require.NoError(t, err)
		here, err := nodefiles.OpenLocal(local)
		require.NoError(t, err)
		defer here.Close()
		for _, entries := range versions {
			rules := rulesOf(t, entries)
			tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
			files, _, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
			for _, node := range []nodefiles.Transport{there, here} {
				_, err = tree.Apply(t.Context(), node, hoststoml.Options{})
				require.NoError(t, err)
				_, err = files.Apply(t.Context(), node, registriesconf.Options{Overwrite: true, LeavePolicies: true})
				require.NoError(t, err)
			}
			require.Equal(t, content(t, local), content(t, dir))
		}
	})
}

func rulesOf(t *testing.T, entries string) *mirrorset.Rules {
	text := "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: x}\nspec:\n  imageDigestMirrors:\n  " + entries + "\n"
	set, err := mirrorset.Decode("x.yaml", strings.NewReader(text))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	return rules
}

func content(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(data)
		return err
	}))
	return files
}

func TestWhatAServerCannotDoIsSaid(t *testing.T) {
	node, err := sftpnode.Open(ownServer(t), t.TempDir())
	require.NoError(t, err)
	require.Len(t, node.Limits(), 1)
	require.Contains(t, node.Limits()[0], "fsync@openssh.com")
	node, err = sftpnode.Open(openSSH(t), t.TempDir())
	require.NoError(t, err)
	require.Empty(t, node.Limits())

	require.NoError(t, sftp.SetSFTPExtensions("statvfs@openssh.com"))
	defer sftp.SetSFTPExtensions("hardlink@openssh.com", "posix-rename@openssh.com", "statvfs@openssh.com")
	_, err = sftpnode.Open(ownServer(t), t.TempDir())
	require.ErrorIs(t, err, sftpnode.ErrNoRename)
}

// A node that does not answer holds nobody longer than the context lasts.
func TestANodeThatHangs(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		// It answers the first packets: the version, with the rename, and the attributes of the directory.
		header := make([]byte, 4)
		for i := range 2 {
			if _, err := io.ReadFull(far, header); err != nil {
				return
			}
			body := make([]byte, int(header[2])<<8|int(header[3]))
			if _, err := io.ReadFull(far, body); err != nil {
				return
			}
			name := "posix-rename@openssh.com"
			answer := append([]byte{2, 0, 0, 0, 3, 0, 0, 0, byte(len(name))}, name+"\x00\x00\x00\x011"...)
			if i == 1 {
				answer = append(append([]byte{105}, body[1:5]...), 0, 0, 0, 4, 0, 0, 0o40000>>8, 0) // a directory
			}
			far.Write(append([]byte{0, 0, 0, byte(len(answer))}, answer...))
		}
		io.Copy(io.Discard, far)
	}()
	client, err := sftp.NewClientPipe(near, near)
	require.NoError(t, err)
	node, err := sftpnode.Open(client, "/")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, node.Rename(ctx, "a", "b"), context.DeadlineExceeded)
	require.ErrorIs(t, node.Remove(ctx, "a"), context.DeadlineExceeded, "nothing is sent any more")
}
