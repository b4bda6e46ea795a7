package elevenlabs

// IdleLines is how many lines wait in the pool.
func (c *Client) IdleLines() int { return len(c.pool.Idle()) }
