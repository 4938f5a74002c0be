package Medianest::Database;

# The one connection of a process to its schema, by the settings that the engine has too.
use strict;
use warnings;
use DBI;

sub dsn { return $ENV{SIGN_ON_DSN} || die "SIGN_ON_DSN is not set\n" }

# @throws where the database does not answer
sub connection {
    my $dbh = DBI->connect_cached( dsn(), $ENV{SIGN_ON_USER}, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1, private_medianest => 1 } );
    $dbh->{pg_enable_utf8} = 1;
    return $dbh;
}

sub answers {
    return eval { connection()->selectrow_array('SELECT 1') } ? 1 : 0;
}

1;
