package cartesia

type line struct{}

func (*line) Key() string { return "" }
func (*line) Begin() bool { return false }
func (*line) Read()       {}
func (*line) Fail(error)  {}
