package policy

import (
	"context"
	"os"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"

	"github.com/pullroute/pullroute/conformance/linux"
)

// The client is asked as CRI-O, podman and skopeo ask it: to copy the image, here into a directory.
func TestAPullUnderAPolicyGoesWhereThePlanSaysAndEndsAsItSays(t *testing.T) {
	cache := t.TempDir()
	linux.PullsUnderPolicies(t, func(ctx context.Context, sys *types.SystemContext, image types.ImageReference,
		text []byte) (digest.Digest, error) {
		policy, err := signature.NewPolicyFromBytes(text)
		require.NoError(t, err, string(text))
		judge, err := signature.NewPolicyContext(policy)
		require.NoError(t, err)
		defer func() { require.NoError(t, judge.Destroy()) }()
		dir, err := os.MkdirTemp(cache, "image")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		to, err := directory.NewReference(dir)
		require.NoError(t, err)
		manifest, err := copy.Image(ctx, judge, to, image, &copy.Options{SourceCtx: sys,
			DestinationCtx: &types.SystemContext{BlobInfoCacheDir: cache}})
		return digest.FromBytes(manifest), err
	})
}
