-- name: SetPreAnswer :execrows
UPDATE organisations SET preanswer = @preanswer WHERE id = @id;

-- name: KeepPreAnswer :exec
INSERT INTO preanswers (leg, carrier, call, org, answer, expires) VALUES (@leg, @carrier, @call, @org, @answer, @expires)
ON CONFLICT (leg, carrier) DO UPDATE SET call = excluded.call, org = excluded.org, answer = excluded.answer, expires = excluded.expires;

-- name: PreAnswer :one
SELECT * FROM preanswers WHERE leg = @leg AND carrier = @carrier AND expires > @now;

-- name: SweepPreAnswers :execrows
DELETE FROM preanswers WHERE expires <= @now;
