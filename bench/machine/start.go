package machine

import (
	"os"
	"os/exec"
	"runtime"
)

// StartOn starts a process all of whose threads stay on one core; a Go program has one processor then (GOMAXPROCS=1). Below 0 it starts
// as any process does.
func StartOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := PinThread(core) // a process has the cores of the thread that starts it
	if err != nil {
		return err
	}
	defer restore()
	return cmd.Start()
}
