//go:build !linux

package pgtest

import (
	"errors"
	"os/exec"
	"syscall"
)

func attend(*exec.Cmd, *syscall.Credential) {}

func spawn(*exec.Cmd) (chan struct{}, error) {
	return nil, errors.New("Postgres for tests is started on Linux only: run the tests there")
}

func halt(int) {}

func children(int) []int { return nil }

func alive(int) bool { return false }
