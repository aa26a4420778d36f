package secure

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// A broker that trusts an operator of NATS lets in whom its accounts have signed, and
// nobody else who has a file of credentials.
func TestCredentialsFile(t *testing.T) {
	operator, operatorID := newPair(t, nkeys.CreateOperator)
	account, accountID := newPair(t, nkeys.CreateAccount)
	_, systemID := newPair(t, nkeys.CreateAccount)
	sign := func(claims jwt.Claims, by nkeys.KeyPair) string {
		text, err := claims.Encode(by)
		require.NoError(t, err)
		return text
	}
	trusted := jwt.NewOperatorClaims(operatorID)
	trusted.SystemAccount = systemID
	tenant := jwt.NewAccountClaims(accountID)
	tenant.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	server, err := broker.StartServer(broker.ServerConfig{ConfigFile: configuration(t, `
		listen: "127.0.0.1:-1"
		jetstream { store_dir: "`+t.TempDir()+`" }
		operator: `+sign(trusted, operator)+`
		resolver: MEMORY
		resolver_preload: {
			`+accountID+`: `+sign(tenant, operator)+`
			`+systemID+`: `+sign(jwt.NewAccountClaims(systemID), operator)+`
		}`)})
	require.NoError(t, err)
	defer server.Shutdown()

	file := func(by nkeys.KeyPair) string {
		user, userID := newPair(t, nkeys.CreateUser)
		seed, err := user.Seed()
		require.NoError(t, err)
		text, err := jwt.FormatUserConfig(sign(jwt.NewUserClaims(userID), by), seed)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "user.creds")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	t.Setenv("NATS_CREDS", file(account))
	nc, err := broker.Dial(t.Context(), server.URL(), broker.Config{})
	require.NoError(t, err)
	defer nc.Close()
	_, err = broker.Check(t.Context(), nc)
	require.NoError(t, err)

	stranger, _ := newPair(t, nkeys.CreateAccount)
	_, err = broker.Dial(t.Context(), server.URL(), broker.Config{Credentials: login.Credentials{Creds: file(stranger)}})
	require.ErrorIs(t, err, broker.ErrCredential)
}

func newPair(t *testing.T, create func() (nkeys.KeyPair, error)) (pair nkeys.KeyPair, id string) {
	pair, err := create()
	require.NoError(t, err)
	id, err = pair.PublicKey()
	require.NoError(t, err)
	return pair, id
}
