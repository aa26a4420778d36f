package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// postgresServer is a PostgreSQL of our own, on the loopback interface.
type postgresServer struct {
	*child
	url string
	dir string
}

var errNoPostgres = errors.New("postgres and initdb are not installed (Debian: postgresql)")

// findPostgres also looks where Debian keeps the server's programs.
func findPostgres(name string) (string, error) {
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", errNoPostgres
	}
	return path, nil
}

func startPostgres(ctx context.Context) (_ *postgresServer, err error) {
	initdb, err := findPostgres("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := findPostgres("postgres")
	if err != nil {
		return nil, err
	}
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &postgresServer{url: fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)}
	if p.dir, err = tempDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if owner != nil {
		if err := os.Chown(p.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(p.dir, "data")
	setUp := exec.CommandContext(ctx, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync")
	setUp.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	setUp.Dir = p.dir
	if out, err := setUp.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	cmd := exec.Command(postgres, "-D", data, "-k", p.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=256MB",
		"-c", "max_wal_size=4GB", "-c", "max_connections=100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	cmd.Dir = p.dir
	if p.child, err = startChild(cmd, syscall.SIGINT); err != nil { // a fast shutdown
		return nil, err
	}
	go p.discard()
	if err = awaitPort(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w: %s", err, p.errors)
	}
	return p, nil
}

func (p *postgresServer) close() {
	if p == nil {
		return
	}
	if p.child != nil {
		p.end()
	}
	os.RemoveAll(p.dir)
}

// serverUser is whom PostgreSQL runs as: it refuses to be root. It is nil for
// the user of this program.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}
